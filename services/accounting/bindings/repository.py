"""SQL of bindings."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.bindings.domain import BindingRow
from services.accounting.bindings.models import binding, binding_recheck
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Connection


async def upsert_bindings(session: AsyncSession, changes: Sequence[BindingChanged]) -> None:
    """Insert or update bindings. An older version never replaces a newer one."""
    statement = insert(binding).values(
        [
            {
                "binding_id": change.binding_id,
                "version": change.version,
                "partner_id": change.partner_id,
                "account_key": change.account_key,
                "account_id": change.account_id,
                "status": change.status,
                "counts_from": change.counts_from,
                "ended_at": change.ended_at,
                "consent_withdrawn_at": change.consent_withdrawn_at,
            }
            for change in sorted(changes, key=lambda c: c.binding_id)
        ]
    )
    new = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[binding.c.binding_id],
            set_={
                name: new[name]
                for name in ("version", "status", "counts_from", "ended_at", "consent_withdrawn_at", "account_id")
            },
            where=binding.c.version < new.version,
        )
    )


async def bindings_of(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[BindingRow]]:
    """Return all bindings of (partner, account key) pairs, in the order in which they begin."""
    rows = await connection.fetch(
        # The place in `keys` is cheaper to read than the key itself.
        "SELECT k.place, b.account_id, b.counts_from, b.ended_at, b.consent_withdrawn_at, b.status = 'pending'"
        " FROM accounting.binding b JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY"
        " AS k(partner_id, account_key, place) USING (partner_id, account_key)"
        " ORDER BY b.counts_from",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    found: dict[tuple[str, str], list[BindingRow]] = {}
    for row in rows:
        found.setdefault(keys[row[0] - 1], []).append(BindingRow(*row[1:]))
    return found


async def queue_rechecks(session: AsyncSession, binding_ids: Collection[uuid.UUID], at: datetime) -> None:
    rows = [{"binding_id": one, "due_at": at, "looks": 0} for one in sorted(binding_ids)]
    statement = insert(binding_recheck).values(rows)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[binding_recheck.c.binding_id],
            set_={"due_at": statement.excluded.due_at, "looks": 0},
        )
    )


async def due_rechecks(session: AsyncSession, at: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Return bindings that are due, locked. Rows of other workers are skipped."""
    statement = (
        select(binding_recheck.c.binding_id)
        .where(binding_recheck.c.due_at <= at)
        .order_by(binding_recheck.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def note_look(session: AsyncSession, binding_ids: Sequence[uuid.UUID], *, again_at: datetime) -> None:
    """Delete those that were looked at before. The others are due once more."""
    chosen = binding_recheck.c.binding_id.in_(binding_ids)
    await session.execute(delete(binding_recheck).where(chosen, binding_recheck.c.looks > 0))
    await session.execute(update(binding_recheck).where(chosen).values(looks=1, due_at=again_at))


async def account_keys_of(
    connection: Connection, pairs: Sequence[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], str]:
    """Return the account key of each (partner, account) pair that has a binding."""
    rows = await connection.fetch(
        "SELECT b.partner_id, b.account_id, max(b.account_key) FROM accounting.binding b"
        " JOIN unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id) USING (partner_id, account_id)"
        " GROUP BY 1, 2",
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )
    return {(row[0], row[1]): row[2] for row in rows}
