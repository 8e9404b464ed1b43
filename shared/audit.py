"""The audit log of a service: the changes that operators make, each entry in the transaction of its change.

A service declares the table with `add_audit_table` and mounts the route of `shared/audit_routes.py`. Its migration
takes UPDATE and DELETE from the service's role, which may only add and read entries.

Every entry has one shape. `before` and `after` hold the state of the changed object as JSON. A step of a two-person
approval adds the proposal under the key `proposal`; see `shared/approvals.py`.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text, Uuid, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from shared.ids import new_id


def add_audit_table(metadata: MetaData) -> Table:
    table = Table(
        "audit_log",
        metadata,
        Column("entry_id", Uuid, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("subject", Text, nullable=False, comment="who: the subject of the operator's token"),
        Column("action", Text, nullable=False),
        Column("object", Text, nullable=False, comment="what it was done to"),
        Column("reason", Text, nullable=False),
        Column("before", JSONB(none_as_null=True), comment="null where nothing was there"),
        Column("after", JSONB(none_as_null=True), comment="null where nothing is left"),
    )
    Index("ix_audit_log_object", table.c.object, table.c.entry_id)
    return table


class AuditLog:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def record(
        self,
        session: AsyncSession,
        *,
        subject: str,
        action: str,
        about: str,
        reason: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """`about` names the changed object. `before` and `after` hold JSON values."""
        await session.execute(
            insert(self._table).values(
                entry_id=new_id(),
                subject=subject,
                action=action,
                object=about,
                reason=reason,
                before=before,
                after=after,
            )
        )

    async def entries(
        self, session: AsyncSession, *, about: str | None, subject: str | None, before: uuid.UUID | None, limit: int
    ) -> Sequence[Any]:
        """Return entries older than entry `before`, the newest first."""
        table = self._table
        query = select(table).order_by(table.c.entry_id.desc()).limit(limit)
        if about is not None:
            query = query.where(table.c.object == about)
        if subject is not None:
            query = query.where(table.c.subject == subject)
        if before is not None:
            query = query.where(table.c.entry_id < before)
        return (await session.execute(query)).all()

    async def entries_about(
        self, session: AsyncSession, *, objects: Collection[str] | None, actions: Collection[str]
    ) -> Sequence[Any]:
        """Return all entries with these actions, about these objects or about all, in no particular order."""
        table = self._table
        query = select(table).where(table.c.action.in_(actions))
        if objects is not None:
            query = query.where(table.c.object.in_(objects))
        return (await session.execute(query)).all()
