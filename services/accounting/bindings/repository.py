"""SQL of bindings."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.bindings.domain import BindingRow
from services.accounting.bindings.models import binding, binding_recheck
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Connection, driver


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


async def known_bindings(session: AsyncSession, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, BindingRow]]:
    """Return version and state of the bindings that are known, by id."""
    c = binding.c
    query = select(c.binding_id, c.version, c.account_id, c.counts_from, c.ended_at, c.consent_withdrawn_at)
    rows = await session.execute(query.where(c.binding_id.in_(ids)))
    return {row[0]: (row[1], BindingRow(row[2], row[3], row[4], row[5])) for row in rows}


async def queue_changes(
    session: AsyncSession, changes: Sequence[tuple[str, uuid.UUID, datetime]], *, settle_s: float
) -> None:
    """Queue (partner, account, since) that have more than one binding, or one that ends, to be looked at later."""
    connection = await driver(session)
    await connection.execute(
        "INSERT INTO accounting.binding_change AS c (partner_id, account_id, since, due_at)"
        " SELECT partner_id, account_id, min(since), clock_timestamp() + make_interval(secs => $4)"
        " FROM unnest($1::text[], $2::uuid[], $3::timestamptz[]) AS n(partner_id, account_id, since)"
        " WHERE since <= clock_timestamp() GROUP BY 1, 2 ORDER BY 1, 2"
        " ON CONFLICT (partner_id, account_id)"
        " DO UPDATE SET since = least(c.since, EXCLUDED.since), due_at = EXCLUDED.due_at",
        [change[0] for change in changes],
        [change[1] for change in changes],
        [change[2] for change in changes],
        settle_s,
    )


async def pairs_with_others(
    session: AsyncSession, pairs: Sequence[tuple[str, uuid.UUID]]
) -> set[tuple[str, uuid.UUID]]:
    """Return the (partner, account) pairs that have more than one binding."""
    connection = await driver(session)
    rows = await connection.fetch(
        "SELECT k.partner_id, k.account_id FROM unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id)"
        " JOIN accounting.binding b USING (partner_id, account_id) GROUP BY 1, 2 HAVING count(*) > 1",
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )
    return {(row[0], row[1]) for row in rows}


async def due_changes(connection: Connection, limit: int) -> Sequence[Any]:
    """Return queued changes that are due, locked. Rows of other workers are skipped."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT partner_id, account_id, since FROM accounting.binding_change WHERE due_at <= clock_timestamp()"
        " ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit,
    )
    return rows


async def delete_changes(connection: Connection, pairs: Sequence[tuple[str, uuid.UUID]]) -> None:
    await connection.execute(
        "DELETE FROM accounting.binding_change c USING unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id)"
        " WHERE c.partner_id = k.partner_id AND c.account_id = k.account_id",
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )


async def only_keys_of(
    connection: Connection, pairs: Sequence[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], str]:
    """Return the account key of each (partner, account) pair that never had another one."""
    rows = await connection.fetch(
        "SELECT partner_id, account_id, min(account_key) FROM accounting.binding"
        " JOIN unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id) USING (partner_id, account_id)"
        " GROUP BY 1, 2 HAVING count(DISTINCT account_key) = 1",
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )
    return {(row[0], row[1]): row[2] for row in rows}
