"""SQL of enterprises: the projection of the topic of accounts, names, and the role of one person."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.enterprises.models import enterprise, enterprise_member
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseMemberChanged


class RoleRow(NamedTuple):
    """A live membership, with the state of its enterprise."""

    status: str
    account_id: uuid.UUID
    roles: Sequence[str]


async def upsert_enterprises(session: AsyncSession, changes: Sequence[EnterpriseChanged]) -> None:
    rows = [
        {
            "enterprise_id": change.enterprise_id,
            "version": change.version,
            "status": change.status,
            "name": change.name,
            "account_id": change.account_id,
        }
        for change in sorted(changes, key=lambda one: one.enterprise_id)
    ]
    await _upsert(session, enterprise, "enterprise_id", rows)


async def upsert_members(session: AsyncSession, changes: Sequence[EnterpriseMemberChanged]) -> None:
    rows = [
        {
            "membership_id": change.membership_id,
            "version": change.version,
            "enterprise_id": change.enterprise_id,
            "account_id": change.account_id,
            "roles": list(change.roles),
            "since": change.since,
            "until": change.until,
        }
        for change in sorted(changes, key=lambda one: one.membership_id)
    ]
    await _upsert(session, enterprise_member, "membership_id", rows)


async def _upsert(session: AsyncSession, table: Table, key: str, rows: list[dict[str, Any]]) -> None:
    """Insert or update rows. An older version never replaces a newer one."""
    statement = insert(table).values(rows)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c[key]],
            set_={name: statement.excluded[name] for name in rows[0] if name != key},
            where=table.c.version < statement.excluded.version,
        )
    )


async def find_role(session: AsyncSession, *, enterprise_id: uuid.UUID, account_id: uuid.UUID) -> RoleRow | None:
    """Return what a person is in an enterprise. None also where one of the two facts has not arrived."""
    query = (
        select(enterprise.c.status, enterprise.c.account_id, enterprise_member.c.roles)
        .join(enterprise_member, enterprise_member.c.enterprise_id == enterprise.c.enterprise_id)
        .where(
            enterprise.c.enterprise_id == enterprise_id,
            enterprise_member.c.account_id == account_id,
            enterprise_member.c.until.is_(None),
        )
        .order_by(enterprise_member.c.since.desc())
        .limit(1)
    )
    row = (await session.execute(query)).first()
    return None if row is None else RoleRow(*row)


async def id_of_account(session: AsyncSession, account_id: uuid.UUID) -> uuid.UUID | None:
    return await session.scalar(select(enterprise.c.enterprise_id).where(enterprise.c.account_id == account_id))


async def names_of(session: AsyncSession, enterprise_ids: Collection[uuid.UUID]) -> Sequence[Any]:
    among = enterprise.c.enterprise_id == any_(literal(sorted(enterprise_ids), ARRAY(Uuid)))
    return (await session.execute(select(enterprise.c.enterprise_id, enterprise.c.name).where(among))).all()
