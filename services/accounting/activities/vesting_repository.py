"""SQL of credits that are not available yet. Set-wise; the people are locked, which also guards their sub-accounts."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class PendingRow(NamedTuple):
    """One credit that waits on the person's pending account until `due_at`."""

    activity_id: uuid.UUID
    account_id: uuid.UUID
    pending_id: uuid.UUID
    amount_mg: int
    due_at: datetime


class VestRow(NamedTuple):
    """One credit that becomes available: posting pending account → person."""

    posting_id: uuid.UUID
    activity_id: uuid.UUID
    pending_id: uuid.UUID
    account_id: uuid.UUID
    amount_mg: int


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def add_pending(connection: Connection, rows: Sequence[PendingRow]) -> None:
    """Pending balances, when each credit is due, and what the people have been credited in all."""
    activity_ids, account_ids, pending_ids, amounts_mg, due = _columns(rows)
    await connection.execute(
        "INSERT INTO accounting.vesting (activity_id, due_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])",
        activity_ids,
        due,
    )
    await connection.execute(
        "INSERT INTO accounting.ledger_account AS a (account_id, kind, owner_id, balance_mg)"
        " SELECT pending, 'pending', person, sum(mg) FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])"
        " AS v(pending, person, mg) GROUP BY 1, 3 ORDER BY 1"
        " ON CONFLICT (account_id) DO UPDATE SET balance_mg = a.balance_mg + EXCLUDED.balance_mg",
        pending_ids,
        account_ids,
        amounts_mg,
    )
    await connection.execute(
        "UPDATE accounting.ledger_account a SET lifetime_mg = a.lifetime_mg + v.mg"
        " FROM (SELECT person, sum(mg) AS mg FROM unnest($1::uuid[], $2::bigint[]) AS u(person, mg) GROUP BY 1) v"
        " WHERE a.account_id = v.person",
        account_ids,
        amounts_mg,
    )


async def due(connection: Connection, limit: int) -> Sequence[Any]:
    """Activities whose credit is due by the database's clock, oldest first, locked; rows another worker has are left
    to it."""
    rows: Sequence[Any] = await connection.fetch(
        "SELECT a.* FROM accounting.vesting v JOIN accounting.activity a USING (activity_id)"
        " WHERE v.due_at <= clock_timestamp() ORDER BY v.due_at, v.activity_id LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit,
    )
    return rows


async def vest(connection: Connection, rows: Sequence[VestRow]) -> None:
    """Postings and both balances, the activities' status, and the wait is over."""
    posting_ids, activity_ids, pending_ids, account_ids, amounts_mg = _columns(rows)
    await connection.execute(
        "INSERT INTO accounting.posting"
        " (posting_id, kind, debit_account_id, credit_account_id, amount_mg, activity_id, requested_by)"
        " SELECT id, 'vest', pending, person, mg, activity, 'accounting:vesting'"
        " FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[])"
        " AS v(id, activity, pending, person, mg)",
        posting_ids,
        activity_ids,
        pending_ids,
        account_ids,
        amounts_mg,
    )
    await connection.execute(
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg FROM ("
        " SELECT account_id, sum(mg) AS mg FROM ("
        "  SELECT unnest($1::uuid[]) AS account_id, -unnest($3::bigint[]) AS mg"
        "  UNION ALL SELECT unnest($2::uuid[]), unnest($3::bigint[])) u GROUP BY 1) v"
        " WHERE a.account_id = v.account_id",
        pending_ids,
        account_ids,
        amounts_mg,
    )
    await connection.execute(
        "UPDATE accounting.activity SET status = 'credited', sequence = sequence + 1"
        " WHERE activity_id = ANY($1::uuid[]) AND status = 'pending'",
        activity_ids,
    )
    await forget(connection, activity_ids)


async def forget(connection: Connection, activity_ids: Sequence[uuid.UUID]) -> None:
    """What was reversed meanwhile, or has vested, is not waited for any more."""
    await connection.execute("DELETE FROM accounting.vesting WHERE activity_id = ANY($1::uuid[])", activity_ids)


async def account_keys_of(
    connection: Connection, pairs: Sequence[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], str]:
    """The key under which a partner's outcomes about a person are published, by (partner, account)."""
    rows = await connection.fetch(
        "SELECT b.partner_id, b.account_id, max(b.account_key) FROM accounting.binding b"
        " JOIN unnest($1::text[], $2::uuid[]) AS k(partner_id, account_id) USING (partner_id, account_id)"
        " GROUP BY 1, 2",
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
    )
    return {(row[0], row[1]): row[2] for row in rows}
