"""SQL of bindings."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.bindings.domain import BindingRow
from services.accounting.bindings.models import binding
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
    columns = (c.account_id, c.counts_from, c.ended_at, c.consent_withdrawn_at, c.status == "pending")
    rows = await session.execute(select(c.binding_id, c.version, *columns).where(c.binding_id.in_(ids)))
    return {row[0]: (row[1], BindingRow(*row[2:])) for row in rows}


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
        " DO UPDATE SET since = least(c.since, EXCLUDED.since), due_at = EXCLUDED.due_at, looks = 0",
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


async def note_look(connection: Connection, pairs: Sequence[tuple[str, uuid.UUID]], *, again_s: float) -> None:
    """Delete changes that were looked at before. The others are due once more, after `again_s` seconds."""
    keys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    chosen = "unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id)"
    same = "c.partner_id = k.partner_id AND c.account_id = k.account_id"
    await connection.execute(
        f"DELETE FROM accounting.binding_change c USING {chosen} WHERE {same} AND c.looks > 0",
        *keys,
    )
    await connection.execute(
        "UPDATE accounting.binding_change c SET looks = 1, due_at = clock_timestamp() + make_interval(secs => $3)"
        f" FROM {chosen} WHERE {same}",
        *keys,
        again_s,
    )


async def keys_of(
    connection: Connection, pairs: Sequence[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], list[str]]:
    """Return all account keys that each (partner, account) pair has had."""
    rows = await connection.fetch(
        "SELECT partner_id, account_id, array_agg(DISTINCT account_key ORDER BY account_key) FROM accounting.binding"
        " JOIN unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id) USING (partner_id, account_id)"
        " GROUP BY 1, 2",
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )
    return {(row[0], row[1]): row[2] for row in rows}
