"""All SQL of the ledger. Lock order everywhere: people first, then system accounts, each sorted by id."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, literal, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.ledger.domain import HoldStatus
from services.accounting.ledger.models import hold, ledger_account, posting
from shared.db import LONG_READ_S, Database, driver, read_rows
from shared.ids import new_id


async def lock_people(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> None:
    """Makes missing personal accounts and locks all of them, in order, until the end of the transaction."""
    ordered = sorted(set(account_ids))
    await session.execute(
        text(
            "INSERT INTO accounting.ledger_account (account_id, kind)"
            " SELECT id, 'person' FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id ON CONFLICT DO NOTHING"
        ),
        {"ids": ordered},
    )
    await session.execute(
        select(ledger_account.c.account_id)
        .where(ledger_account.c.account_id == func.any(ordered))
        .order_by(ledger_account.c.account_id)
        .with_for_update()
    )


async def ensure_account(session: AsyncSession, *, account_id: uuid.UUID, kind: str, code: str | None) -> None:
    await session.execute(
        insert(ledger_account).values(account_id=account_id, kind=kind, code=code).on_conflict_do_nothing()
    )


async def move(
    session: AsyncSession,
    *,
    kind: str,
    debit: uuid.UUID,
    credit: uuid.UUID,
    amount_mg: int,
    requested_by: str,
    hold_id: uuid.UUID | None = None,
) -> None:
    """One posting and both balances. The caller holds the locks; the balance CHECK refuses an overdraft."""
    await session.execute(
        posting.insert().values(
            posting_id=new_id(),
            kind=kind,
            debit_account_id=debit,
            credit_account_id=credit,
            amount_mg=amount_mg,
            hold_id=hold_id,
            requested_by=requested_by,
        )
    )
    for account_id, delta_mg in ((debit, -amount_mg), (credit, amount_mg)):
        await session.execute(
            update(ledger_account)
            .where(ledger_account.c.account_id == account_id)
            .values(balance_mg=ledger_account.c.balance_mg + delta_mg)
        )


async def debit_if_enough(session: AsyncSession, account_id: uuid.UUID, amount_mg: int) -> bool:
    """Takes grams from a balance in one conditional statement; False when there are not enough or it is frozen."""
    result = await session.execute(
        update(ledger_account)
        .where(
            ledger_account.c.account_id == account_id,
            ledger_account.c.balance_mg >= amount_mg,
            ledger_account.c.frozen_at.is_(None),
        )
        .values(balance_mg=ledger_account.c.balance_mg - amount_mg)
        .returning(ledger_account.c.account_id)
    )
    return result.first() is not None


async def frozen_at(session: AsyncSession, account_id: uuid.UUID) -> datetime | None:
    query = select(ledger_account.c.frozen_at).where(ledger_account.c.account_id == account_id)
    return (await session.execute(query)).scalar_one_or_none()


async def kind_of_account(session: AsyncSession, account_id: uuid.UUID) -> str | None:
    query = select(ledger_account.c.kind).where(ledger_account.c.account_id == account_id)
    return (await session.execute(query)).scalar_one_or_none()


async def set_frozen(session: AsyncSession, account_id: uuid.UUID, *, frozen: bool) -> None:
    await session.execute(
        update(ledger_account)
        .where(ledger_account.c.account_id == account_id)
        .values(frozen_at=func.clock_timestamp() if frozen else None)
    )


async def credit_balance(session: AsyncSession, account_id: uuid.UUID, amount_mg: int) -> None:
    await session.execute(
        update(ledger_account)
        .where(ledger_account.c.account_id == account_id)
        .values(balance_mg=ledger_account.c.balance_mg + amount_mg)
    )


async def add_posting(session: AsyncSession, **values: Any) -> None:
    await session.execute(posting.insert().values(posting_id=new_id(), **values))


async def balances(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, tuple[int, int]]:
    """(balance_mg, lifetime_mg) of those accounts that exist."""
    rows = await session.execute(
        select(ledger_account.c.account_id, ledger_account.c.balance_mg, ledger_account.c.lifetime_mg).where(
            ledger_account.c.account_id == func.any(list(account_ids))
        )
    )
    return {row.account_id: (row.balance_mg, row.lifetime_mg) for row in rows}


_BALANCE = text("""
    SELECT coalesce(max(balance_mg) FILTER (WHERE account_id = :own), 0) AS available_mg,
        coalesce(max(balance_mg) FILTER (WHERE account_id = :pending), 0) AS pending_mg,
        coalesce(max(-balance_mg) FILTER (WHERE account_id = :debt), 0) AS debt_mg,
        coalesce(max(lifetime_mg) FILTER (WHERE account_id = :own), 0) AS lifetime_mg,
        (SELECT coalesce(CAST(sum(amount_mg) AS bigint), 0) FROM accounting.hold
         WHERE account_id = :own AND status = 'held') AS held_mg
    FROM accounting.ledger_account WHERE account_id IN (:own, :pending, :debt)""")


async def balance(
    source: AsyncSession | Database, account_id: uuid.UUID, *, pending_id: uuid.UUID, debt_id: uuid.UUID
) -> Any:
    """One row of figures that agree, whether or not the accounts exist."""
    return (await read_rows(source, _BALANCE, {"own": account_id, "pending": pending_id, "debt": debt_id}))[0]


async def entries(
    session: AsyncSession, account_id: uuid.UUID, *, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Postings of one account, newest first, with the other account's code."""
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
        )
        .outerjoin(ledger_account, ledger_account.c.account_id == other)
        .where(or_(posting.c.credit_account_id == account_id, (outgoing) & (posting.c.kind != "credit")))
        .order_by(posting.c.posting_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(posting.c.posting_id) < tuple_(literal(before)))
    return (await session.execute(query)).all()


async def insert_hold(session: AsyncSession, **values: Any) -> bool:
    """False when a hold with this id exists already; waits for whoever is writing it."""
    result = await session.execute(insert(hold).values(**values).on_conflict_do_nothing().returning(hold.c.hold_id))
    return result.first() is not None


async def hold_of(session: AsyncSession, hold_id: uuid.UUID, *, lock: bool = False) -> Any | None:
    query = select(hold, (hold.c.expires_at <= func.clock_timestamp()).label("overdue")).where(
        hold.c.hold_id == hold_id
    )
    return (await session.execute(query.with_for_update() if lock else query)).first()


async def settle_hold(
    session: AsyncSession, hold_id: uuid.UUID, status: HoldStatus, *, captured_to: str | None = None
) -> None:
    await session.execute(
        update(hold)
        .where(hold.c.hold_id == hold_id, hold.c.status == HoldStatus.HELD)
        .values(status=status, captured_to=captured_to, settled_at=func.clock_timestamp())
    )


async def due_holds(session: AsyncSession, limit: int) -> Sequence[Any]:
    rows = await session.execute(
        select(hold)
        .where(hold.c.status == HoldStatus.HELD, hold.c.expires_at <= func.clock_timestamp())
        .order_by(hold.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return rows.all()


async def database_now(session: AsyncSession) -> datetime:
    moment: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return moment


# Whose grams an activity made: the household's where its judgement says so.
_HOLDER = "coalesce((judgement->>'credited_to')::uuid, account_id)"

_CHECK = {
    "accounts": "SELECT count(*) FROM accounting.ledger_account",
    "postings": "SELECT count(*) FROM accounting.posting",
    "balances_sum_mg": "SELECT coalesce(sum(balance_mg), 0) FROM accounting.ledger_account",
    "balances_differing": """
        SELECT count(*) FROM accounting.ledger_account a FULL JOIN (
            SELECT account_id, sum(amount_mg) AS mg FROM (
                SELECT credit_account_id AS account_id, amount_mg FROM accounting.posting
                UNION ALL SELECT debit_account_id, -amount_mg FROM accounting.posting) p GROUP BY account_id
        ) s USING (account_id) WHERE coalesce(a.balance_mg, 0) <> coalesce(s.mg, 0)""",
    "holds_differing": """
        SELECT count(*) FROM accounting.hold h LEFT JOIN accounting.ledger_account a ON a.account_id = h.hold_id
        WHERE coalesce(a.balance_mg, 0) <> CASE WHEN h.status = 'held' THEN h.amount_mg ELSE 0 END""",
    "caps_differing": """
        SELECT count(*) FROM accounting.cap_usage u FULL JOIN (
            SELECT coalesce(c.subject_id, a.account_id) AS account_id, c.cap_id, c.period_start, count(*) AS acts,
                sum(a.amount_mg) AS mg
            FROM accounting.activity a CROSS JOIN LATERAL
                jsonb_to_recordset(a.judgement->'caps') AS c(subject_id uuid, cap_id text, period_start date)
            WHERE a.status IN ('credited', 'pending') GROUP BY 1, 2, 3
        ) s USING (account_id, cap_id, period_start)
        WHERE coalesce(u.acts, 0) <> coalesce(s.acts, 0) OR coalesce(u.amount_mg, 0) <> coalesce(s.mg, 0)""",
    "credited_differing": f"""
        SELECT count(*) FROM (SELECT activity_id, amount_mg, {_HOLDER} AS account_id FROM accounting.activity
                              WHERE status IN ('credited', 'pending', 'reversed')) a
        FULL JOIN (SELECT p.activity_id, p.amount_mg, coalesce(l.owner_id, p.credit_account_id) AS account_id
                   FROM accounting.posting p LEFT JOIN accounting.ledger_account l
                       ON l.account_id = p.credit_account_id AND l.kind = 'pending' WHERE p.kind = 'credit') p
            USING (activity_id)
        WHERE a.amount_mg IS DISTINCT FROM p.amount_mg OR a.account_id IS DISTINCT FROM p.account_id""",
    "vesting_differing": """
        SELECT count(*) FROM (SELECT activity_id FROM accounting.activity WHERE status = 'pending') a
        FULL JOIN accounting.vesting v USING (activity_id)
        FULL JOIN (SELECT p.activity_id, v.posting_id FROM accounting.posting p
                   JOIN accounting.ledger_account l ON l.account_id = p.credit_account_id AND l.kind = 'pending'
                   LEFT JOIN accounting.posting v ON v.activity_id = p.activity_id AND (v.kind = 'vest'
                        OR v.kind = 'reversal' AND v.debit_account_id = l.account_id)
                   WHERE p.kind = 'credit') p ON p.activity_id = coalesce(a.activity_id, v.activity_id)
        WHERE (a.activity_id IS NULL) <> (v.activity_id IS NULL)
            OR (a.activity_id IS NULL) <> (p.activity_id IS NULL OR p.posting_id IS NOT NULL)""",
    "pending_differing": f"""
        SELECT count(*) FROM (SELECT {_HOLDER} AS account_id, sum(amount_mg) AS mg FROM accounting.activity
                              WHERE status = 'pending' GROUP BY 1) a
        FULL JOIN (SELECT owner_id AS account_id, balance_mg FROM accounting.ledger_account WHERE kind = 'pending') l
            USING (account_id)
        WHERE coalesce(a.mg, 0) <> coalesce(l.balance_mg, 0)""",
    "reversed_differing": """
        SELECT count(*) FROM (SELECT activity_id, amount_mg FROM accounting.activity WHERE status = 'reversed') a
        FULL JOIN (SELECT activity_id, sum(amount_mg) AS mg FROM accounting.posting WHERE kind = 'reversal' GROUP BY 1)
            p USING (activity_id)
        WHERE a.amount_mg IS DISTINCT FROM p.mg""",
    "expired_differing": """
        SELECT count(*) FROM (SELECT account_id, 'expired:' || year AS code, expired_mg FROM accounting.gram_year
                              WHERE expired_mg > 0) g
        FULL JOIN (SELECT p.debit_account_id AS account_id, l.code, sum(p.amount_mg) AS mg FROM accounting.posting p
                   JOIN accounting.ledger_account l ON l.account_id = p.credit_account_id
                   WHERE p.kind = 'expire' GROUP BY 1, 2) p USING (account_id, code)
        WHERE g.expired_mg IS DISTINCT FROM p.mg""",
    "debts_unpaid": """
        SELECT count(*) FROM accounting.ledger_account d JOIN accounting.ledger_account p ON p.account_id = d.owner_id
        WHERE d.kind = 'debt' AND d.balance_mg < 0 AND p.balance_mg > 0""",
    "lifetime_differing": f"""
        SELECT count(*) FROM (SELECT {_HOLDER} AS account_id, sum(amount_mg) AS mg FROM accounting.activity
                              WHERE status IN ('credited', 'pending') GROUP BY 1) a
        FULL JOIN accounting.ledger_account l USING (account_id)
        WHERE coalesce(a.mg, 0) <> coalesce(l.lifetime_mg, 0)""",
}


# For an auditor's own connection: a check may take its time and memory, as nobody waits for its locks.
PATIENCE_S = 1800
WAIT_S = PATIENCE_S + 10.0  # of the client, so that the server's limit is the one that is told
_PATIENCE = (f"SET LOCAL statement_timeout = '{PATIENCE_S}s'", "SET LOCAL work_mem = '128MB'")
CHECKS = len(_CHECK)


async def be_patient(session: AsyncSession) -> None:
    """Until the end of the transaction."""
    for setting in _PATIENCE:
        await session.execute(text(setting))


async def each_check(session: AsyncSession) -> AsyncIterator[tuple[str, int]]:
    """As `check_everything`, for ledgers of any size: one check after the other, all of one snapshot."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    await be_patient(session)
    for name, sql in _CHECK.items():
        yield name, int(await session.scalar(text(sql)) or 0)


async def check_everything(session: AsyncSession) -> dict[str, int]:
    """Recomputes the whole ledger in one snapshot; reads everything, so it is for operators and tests."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    connection = await driver(session)
    return {name: int(await connection.fetchval(sql, timeout=LONG_READ_S) or 0) for name, sql in _CHECK.items()}
