"""SQL of accounts and postings. Every statement takes a whole set as arrays.

Every transaction locks in this order: people by id, households and meters by id, shared accounts by id.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import case, func, literal, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.ledger.chart import Account
from services.accounting.ledger.models import capture_target, hold, ledger_account, posting
from shared.db import UNPLANNED_IDS, Connection, Database, read_rows

_POSTING_COLUMNS = (
    "posting_id", "kind", "debit_account_id", "credit_account_id", "amount_mg", "activity_id", "hold_id",
    "reverses_posting_id", "requested_by",
)  # fmt: skip
# A plain tuple in the order of `_POSTING_COLUMNS`. A named tuple takes six times as long to make.
PostingRow: TypeAlias = tuple[
    uuid.UUID, str, uuid.UUID, uuid.UUID, int, uuid.UUID | None, uuid.UUID | None, uuid.UUID | None, str
]


async def lock_people(connection: Connection, account_ids: Sequence[uuid.UUID]) -> None:
    """Open missing accounts of people, then lock all of them by id. `account_ids` are sorted."""
    await connection.execute(
        "INSERT INTO accounting.ledger_account (account_id, kind) SELECT id, 'person' FROM unnest($1::uuid[]) AS id"
        # Nearly every account exists. The look-up costs a third of an insert that conflicts.
        " WHERE NOT EXISTS (SELECT 1 FROM accounting.ledger_account a WHERE a.account_id = id)"
        " ORDER BY id ON CONFLICT DO NOTHING",
        account_ids,
    )
    await connection.execute(
        "SELECT 1 FROM accounting.ledger_account WHERE account_id = ANY($1::uuid[]) ORDER BY account_id FOR UPDATE",
        account_ids,
    )


async def lock_free_people(connection: Connection, account_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Lock the accounts that no other transaction has locked and return them. Never waits, so it needs no order."""
    rows = await connection.fetch(
        "SELECT account_id FROM accounting.ledger_account"
        f" WHERE account_id = ANY({UNPLANNED_IDS}) FOR UPDATE SKIP LOCKED",
        account_ids,
    )
    return {row[0] for row in rows}


async def open_accounts(connection: Connection, accounts: Iterable[Account]) -> None:
    """Insert the accounts that do not exist yet."""
    ordered = sorted(set(accounts))
    await connection.execute(
        "INSERT INTO accounting.ledger_account (account_id, kind, code, owner_id)"
        " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS v(account_id, kind, code, owner_id)"
        " WHERE NOT EXISTS (SELECT 1 FROM accounting.ledger_account a WHERE a.account_id = v.account_id)"
        " ON CONFLICT DO NOTHING",
        [account.account_id for account in ordered],
        [account.kind for account in ordered],
        [account.code for account in ordered],
        [account.owner.account_id if account.owner else None for account in ordered],
    )


async def insert_postings(connection: Connection, rows: Sequence[PostingRow]) -> None:
    """Insert postings by COPY, at half the cost of an insert from arrays.

    A trigger of the database compares the accounts of all rows with the chart.
    """
    await connection.copy_records_to_table("posting", schema_name="accounting", columns=_POSTING_COLUMNS, records=rows)


async def add_credits(connection: Connection, credited_mg: Mapping[uuid.UUID, int]) -> None:
    """Add the same amounts to balances and lifetimes. The rows are locked."""
    await connection.execute(
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg, lifetime_mg = a.lifetime_mg + v.mg"
        " FROM unnest($1::uuid[], $2::bigint[]) AS v(account_id, mg) WHERE a.account_id = v.account_id",
        list(credited_mg),
        list(credited_mg.values()),
    )


async def add_balances(
    connection: Connection, balances_mg: Mapping[uuid.UUID, int], lifetimes_mg: Mapping[uuid.UUID, int]
) -> None:
    """Add to balances, and to lifetimes by other amounts. The rows are locked."""
    account_ids = sorted(balances_mg.keys() | lifetimes_mg.keys())
    await connection.execute(
        "UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg,"
        " lifetime_mg = a.lifetime_mg + v.lifetime_mg"
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS v(account_id, mg, lifetime_mg)"
        " WHERE a.account_id = v.account_id",
        account_ids,
        [balances_mg.get(account_id, 0) for account_id in account_ids],
        [lifetimes_mg.get(account_id, 0) for account_id in account_ids],
    )


async def add_shared_balances(connection: Connection, balances_mg: Mapping[uuid.UUID, int]) -> None:
    """Lock shared accounts by id, then add to their balances."""
    account_ids = sorted(balances_mg)
    await connection.execute(
        "WITH locked AS MATERIALIZED (SELECT account_id FROM accounting.ledger_account"
        "  WHERE account_id = ANY($1::uuid[]) ORDER BY account_id FOR UPDATE)"
        " UPDATE accounting.ledger_account a SET balance_mg = a.balance_mg + v.mg"
        " FROM unnest($1::uuid[], $2::bigint[]) AS v(account_id, mg) JOIN locked USING (account_id)"
        " WHERE a.account_id = v.account_id",
        account_ids,
        [balances_mg[account_id] for account_id in account_ids],
    )


async def debts_of(connection: Connection, owner_ids: Sequence[uuid.UUID]) -> list[tuple[Account, int]]:
    """Return (account of the owner, milligrams owed) of owners with a debt, in the order of the debt accounts."""
    rows = await connection.fetch(
        "SELECT d.owner_id, o.kind, -d.balance_mg FROM accounting.ledger_account d"
        " JOIN accounting.ledger_account o ON o.account_id = d.owner_id"
        f" WHERE d.kind = 'debt' AND d.balance_mg < 0 AND d.owner_id = ANY({UNPLANNED_IDS}) ORDER BY d.account_id",
        owner_ids,
    )
    return [(Account(row[0], row[1]), row[2]) for row in rows]


async def credit_with_holder(connection: Connection, activity_id: uuid.UUID) -> asyncpg.Record | None:
    """Return the posting that credited an activity, and the account that has the grams now.

    After vesting, that is the account to which they vested.
    """
    return await connection.fetchrow(
        "SELECT p.posting_id, p.amount_mg, s.code AS issuance_code, h.account_id, h.kind, h.owner_id, h.balance_mg,"
        " o.kind AS owner_kind FROM accounting.posting p"
        " JOIN accounting.ledger_account s ON s.account_id = p.debit_account_id"
        " LEFT JOIN accounting.posting v ON v.activity_id = p.activity_id AND v.kind = 'vest'"
        " JOIN accounting.ledger_account h ON h.account_id = coalesce(v.credit_account_id, p.credit_account_id)"
        " LEFT JOIN accounting.ledger_account o ON o.account_id = h.owner_id"
        " WHERE p.activity_id = $1 AND p.kind = 'credit'",
        activity_id,
    )


async def account_of(connection: Connection, account_id: uuid.UUID) -> asyncpg.Record | None:
    """Return the kind, balance and freeze of an account."""
    return await connection.fetchrow(
        "SELECT kind, balance_mg, frozen_at FROM accounting.ledger_account WHERE account_id = $1", account_id
    )


async def locked_account(connection: Connection, account_id: uuid.UUID) -> asyncpg.Record | None:
    """Return the kind, balance and freeze of an account, locked until the end of the transaction."""
    return await connection.fetchrow(
        "SELECT kind, balance_mg, frozen_at FROM accounting.ledger_account WHERE account_id = $1 FOR UPDATE",
        account_id,
    )


async def locked_accounts(connection: Connection, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, asyncpg.Record]:
    """Return kind, balance and freeze of the accounts that exist, locked by id. `account_ids` are sorted."""
    rows = await connection.fetch(
        "SELECT account_id, kind, balance_mg, frozen_at FROM accounting.ledger_account"
        f" WHERE account_id = ANY({UNPLANNED_IDS}) ORDER BY account_id FOR UPDATE",
        account_ids,
    )
    return {row["account_id"]: row for row in rows}


async def locked_people(connection: Connection, account_ids: Sequence[uuid.UUID]) -> Sequence[asyncpg.Record]:
    """Return the accounts of people that exist, locked by id. `account_ids` are sorted. Opens none."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        "SELECT account_id, frozen_at FROM accounting.ledger_account"
        f" WHERE account_id = ANY({UNPLANNED_IDS}) AND kind = 'person' ORDER BY account_id FOR UPDATE",
        account_ids,
    )
    return rows


async def kinds_of(connection: Connection, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the kinds of the accounts that exist."""
    rows = await connection.fetch(
        f"SELECT account_id, kind FROM accounting.ledger_account WHERE account_id = ANY({UNPLANNED_IDS})", account_ids
    )
    return {row[0]: row[1] for row in rows}


async def set_frozen(session: AsyncSession, account_id: uuid.UUID, *, frozen: bool, reason: str | None = None) -> None:
    await session.execute(
        update(ledger_account)
        .where(ledger_account.c.account_id == account_id)
        .values(frozen_at=func.clock_timestamp() if frozen else None, frozen_reason=reason)
    )


async def balances(connection: Connection, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the balances of the accounts that exist, in milligrams."""
    rows = await connection.fetch(
        "SELECT account_id, balance_mg FROM accounting.ledger_account WHERE account_id = ANY($1::uuid[])",
        account_ids,
    )
    return {row[0]: row[1] for row in rows}


_BALANCE = text("""
    SELECT coalesce(max(balance_mg) FILTER (WHERE account_id = :own), 0) AS available_mg,
        coalesce(max(balance_mg) FILTER (WHERE account_id = :pending), 0) AS pending_mg,
        coalesce(max(-balance_mg) FILTER (WHERE account_id = :debt), 0) AS debt_mg,
        coalesce(max(lifetime_mg) FILTER (WHERE account_id = :own), 0) AS lifetime_mg,
        max(frozen_at) FILTER (WHERE account_id = :own) AS frozen_at,
        (SELECT coalesce(CAST(sum(amount_mg) AS bigint), 0) FROM accounting.hold
         WHERE account_id = :own AND status = 'held') AS held_mg
    FROM accounting.ledger_account WHERE account_id IN (:own, :pending, :debt)""")


async def balance(
    source: AsyncSession | Database, account_id: uuid.UUID, *, pending_id: uuid.UUID, debt_id: uuid.UUID
) -> Any:
    """Return the balance figures in one row of one snapshot. A missing account counts as zero."""
    return (await read_rows(source, _BALANCE, {"own": account_id, "pending": pending_id, "debt": debt_id}))[0]


async def frozen_at(session: AsyncSession, account_id: uuid.UUID) -> tuple[datetime | None, str | None]:
    """Return since when and why an account is frozen."""
    found = select(ledger_account.c.frozen_at, ledger_account.c.frozen_reason)
    row = (await session.execute(found.where(ledger_account.c.account_id == account_id))).first()
    return (None, None) if row is None else (row[0], row[1])


async def entries(
    session: AsyncSession, account_id: uuid.UUID, *, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Return the postings of an account, newest first, with the code of the other account and what a hold was for."""
    outgoing = posting.c.debit_account_id == account_id
    other = case((outgoing, posting.c.credit_account_id), else_=posting.c.debit_account_id)
    query = (
        select(
            posting.c.posting_id,
            posting.c.posted_at,
            posting.c.kind,
            posting.c.amount_mg,
            posting.c.activity_id,
            posting.c.hold_id,
            outgoing.label("outgoing"),
            func.coalesce(ledger_account.c.code, ledger_account.c.kind, literal("-")).label("counterpart"),
            hold.c.purpose,
            hold.c.status.label("hold_status"),
            func.coalesce(hold.c.title_zh, capture_target.c.title_zh).label("title_zh"),
            func.coalesce(hold.c.title_en, capture_target.c.title_en).label("title_en"),
        )
        .outerjoin(ledger_account, ledger_account.c.account_id == other)
        .outerjoin(hold, hold.c.hold_id == posting.c.hold_id)
        .outerjoin(capture_target, capture_target.c.code == hold.c.captured_to)
        .where(or_(posting.c.credit_account_id == account_id, (outgoing) & (posting.c.kind != "credit")))
        .order_by(posting.c.posting_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(posting.c.posting_id) < tuple_(literal(before)))
    return (await session.execute(query)).all()


async def database_now(connection: Connection) -> datetime:
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment
