"""SQL of bindings."""

import uuid
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.bindings.domain import BindingRow
from services.accounting.bindings.models import binding
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
    """Return active and ended bindings of (partner, account key) pairs."""
    rows = await connection.fetch(
        # The place in `keys` is cheaper to read than the key itself.
        "SELECT k.place, b.account_id, b.counts_from, b.ended_at, b.consent_withdrawn_at"
        " FROM accounting.binding b JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY"
        " AS k(partner_id, account_key, place) USING (partner_id, account_key)"
        " WHERE b.status <> 'pending' ORDER BY b.counts_from",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    found: dict[tuple[str, str], list[BindingRow]] = {}
    for row in rows:
        found.setdefault(keys[row[0] - 1], []).append(BindingRow(row[1], row[2], row[3], row[4]))
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
