"""SQL of parked acts: those that wait for a binding of their person, or for a methodology."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from services.accounting.bindings.domain import BindingRow, Bindings
from shared.db import Connection

# A parked act is judged again once a binding contains it, or once none can: it has settled, its key had a binding, and
# no partner is asked about one that would contain it. The rest of the rule is in `bindings/domain.py`. All stands
# inside one EXISTS, so that the planner joins parked acts with bindings: a condition beside it would run for each of
# a million parked acts of people without any binding.
_DECIDABLE = (
    "EXISTS (SELECT 1 FROM accounting.binding b WHERE b.partner_id = a.partner_id AND b.account_key = a.account_key"
    " AND b.status <> 'pending'"
    " AND (b.counts_from <= a.occurred_at AND (b.ended_at IS NULL OR a.occurred_at < b.ended_at)"
    " OR a.received_at <= {settled_before} AND NOT EXISTS (SELECT 1 FROM accounting.binding w"
    " WHERE w.partner_id = a.partner_id AND w.account_key = a.account_key AND w.status = 'pending'"
    " AND w.counts_from <= a.occurred_at)))"
)
# Receipt ids grow with time. So parked events are judged in the order in which the partner sent them.
_ORDER_OF_THE_LOG = "a.received_at, a.receipt_id, a.receipt_index"


async def parked_with_binding(connection: Connection, settled_before: datetime, limit: int) -> Sequence[Any]:
    """Return parked acts that bindings decide now, oldest first, locked. Rows of other workers are skipped."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.*, p.report FROM accounting.activity a JOIN accounting.parked_report p USING (activity_id)"
        f" WHERE a.status = 'parked' AND a.reason_code = 'NO_BINDING' AND {_DECIDABLE.format(settled_before='$2')}"
        f" ORDER BY {_ORDER_OF_THE_LOG} LIMIT $1 FOR UPDATE OF a SKIP LOCKED",
        limit,
        settled_before,
    )
    return rows


async def bindings_and_waiting(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> tuple[Bindings, list[tuple[str, str]]]:
    """Return the bindings of (partner, account key) pairs, in the order in which they begin, and the waiting pairs.

    A pair waits if it has a binding and acts that were parked for want of one. One statement reads both, because
    sending the pairs costs more than looking for parked acts, which are rare.
    """
    rows = await connection.fetch(
        # The place in `keys` is cheaper to read than the key itself.
        "SELECT k.place, b.account_id, b.counts_from, b.ended_at, b.consent_withdrawn_at, b.status = 'pending',"
        # OFFSET 0 forces one index search per pair. Parked acts are rare in the statistics and may be a million by now.
        " EXISTS (SELECT 1 FROM accounting.activity a WHERE a.partner_id = k.partner_id"
        " AND a.account_key = k.account_key AND a.status = 'parked' AND a.reason_code = 'NO_BINDING' OFFSET 0)"
        " FROM accounting.binding b JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY"
        " AS k(partner_id, account_key, place) USING (partner_id, account_key)"
        " ORDER BY b.counts_from",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    found: dict[tuple[str, str], list[BindingRow]] = {}
    waiting: set[int] = set()
    for row in rows:
        found.setdefault(keys[row[0] - 1], []).append(BindingRow(*row[1:6]))
        if row[6]:
            waiting.add(row[0])
    return found, [keys[place - 1] for place in sorted(waiting)]


async def parked_of(connection: Connection, keys: Sequence[tuple[str, str]], settled_before: datetime) -> Sequence[Any]:
    """Return the parked acts of (partner, account key) pairs that bindings decide now, in log order.

    Locked in the order of the pairs.
    """
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.*, p.report FROM unnest($1::text[], $2::text[]) AS k(partner_id, account_key)"
        " CROSS JOIN LATERAL (SELECT * FROM accounting.activity a WHERE a.partner_id = k.partner_id"
        " AND a.account_key = k.account_key AND a.status = 'parked' AND a.reason_code = 'NO_BINDING'"
        f" AND {_DECIDABLE.format(settled_before='$3')}"
        " OFFSET 0 FOR UPDATE) a JOIN accounting.parked_report p USING (activity_id)"
        f" ORDER BY {_ORDER_OF_THE_LOG}",
        [key[0] for key in keys],
        [key[1] for key in keys],
        settled_before,
    )
    return rows


async def parked_for_methodology(
    connection: Connection, held: Collection[tuple[str, int]], limit: int
) -> Sequence[Any]:
    """Return acts that waited for a refused methodology which is none of `held` any more, oldest first, locked."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.*, p.report FROM accounting.activity a JOIN accounting.parked_report p USING (activity_id)"
        " WHERE a.status = 'parked' AND a.reason_code = 'METHODOLOGY_REFUSED' AND NOT EXISTS ("
        "SELECT 1 FROM unnest($1::text[], $2::int[]) AS h(code, version)"
        " WHERE h.code = a.methodology_code AND h.version = a.methodology_version)"
        f" ORDER BY {_ORDER_OF_THE_LOG} LIMIT $3 FOR UPDATE OF a SKIP LOCKED",
        [code for code, _ in held],
        [version for _, version in held],
        limit,
    )
    return rows


async def parked_too_long(connection: Connection, life_s: int, limit: int) -> Sequence[Any]:
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.*, p.report FROM accounting.activity a JOIN accounting.parked_report p USING (activity_id)"
        " WHERE a.status = 'parked' AND a.reason_code = 'NO_BINDING'"
        " AND a.received_at < clock_timestamp() - make_interval(secs => $1)"
        " ORDER BY a.received_at LIMIT $2 FOR UPDATE OF a SKIP LOCKED",
        life_s,
        limit,
    )
    return rows


async def insert_parked(connection: Connection, rows: Sequence[tuple[uuid.UUID, str]]) -> None:
    """Insert rows of (activity, report as JSON)."""
    await connection.executemany(
        "INSERT INTO accounting.parked_report (activity_id, report) VALUES ($1, $2) ON CONFLICT DO NOTHING", rows
    )


async def delete_parked(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> None:
    await connection.execute("DELETE FROM accounting.parked_report WHERE activity_id = ANY($1::uuid[])", activity_ids)


async def forget_parked(connection: Connection, activity_ids: Sequence[uuid.UUID], reason_code: str) -> None:
    """Refuse parked acts that nobody claimed and delete their content. Only the inbox key stays."""
    await connection.execute(
        "UPDATE accounting.activity SET status = 'refused', reason_code = $2, account_key = NULL,"
        " judgement = NULL, sequence = sequence + 1 WHERE activity_id = ANY($1::uuid[]) AND status = 'parked'",
        activity_ids,
        reason_code,
    )
    await delete_parked(connection, activity_ids)
