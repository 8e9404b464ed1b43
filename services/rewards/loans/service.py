"""Use cases of loan offsets: take a bank's quotes, show offsets, take the bank's answer, sum up what was settled.

Placing is in `placing.py`. The engine of settlements spends the grams and, if the bank refuses or is silent, gives them
back: once, because the bank's part ends by one conditional statement.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from services.rewards.banks import service as banks
from services.rewards.banks.service import Bank
from services.rewards.budgets import service as budgets
from services.rewards.loans import quote_repository, repository
from services.rewards.loans.domain import (
    QUOTE_KEPT,
    QUOTE_LIFE_MAX,
    QUOTES_OPEN_MAX,
    BankStatus,
    OffsetStatus,
    days_of,
    is_over,
    mg_of,
    shown_status,
)
from services.rewards.loans.errors import (
    OffsetDecided,
    OffsetNotFound,
    QuoteDiffers,
    QuoteExpired,
    QuoteTooLong,
    TooManyQuotes,
)
from services.rewards.loans.models import loan_offset
from services.rewards.loans.pseudonyms import Pseudonyms
from services.rewards.settlement import service as settlements
from services.rewards.settlement.domain import Ended, Reason, Settlement, Status
from shared import clock
from shared.db import Session
from shared.language import Text

_QUOTES_SHOWN_MAX = 100
_VOIDED_PER_RUN = 100


@dataclass(frozen=True, slots=True)
class Quote:
    """`max_mg`: the grams that offset all of the interest. Fewer are fine."""

    bank_id: str
    bank_name: Text
    quote_id: str
    interest_fen: int
    max_mg: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Offset:
    offset_id: uuid.UUID
    status: OffsetStatus
    reason_code: str | None
    bank_id: str
    bank_name: Text
    quote_id: str
    budget_id: str
    amount_mg: int
    interest_fen: int
    bank_status: BankStatus
    bank_at: datetime | None
    answer_by: datetime | None
    created_at: datetime


# --- quotes -----------------------------------------------------------------------------------------------------------


def _quote(row: Any, bank: Bank) -> Quote:
    return Quote(
        bank_id=row.bank_id,
        bank_name=bank.name,
        quote_id=row.quote_id,
        interest_fen=row.interest_fen,
        max_mg=mg_of(row.interest_fen, bank.fen_per_kg),
        expires_at=row.expires_at,
    )


async def take_quote(
    session: Session, *, bank_id: str, quote_id: str, customer_ref: str, interest_fen: int, expires_at: datetime
) -> Quote:
    """Store a quote that the bank has signed. A repeat returns the same quote.

    Raises QuoteExpired, QuoteTooLong, QuoteDiffers, TooManyQuotes.
    """
    bank = await banks.get_bank(session, bank_id=bank_id)
    now = clock.now()
    if is_over(expires_at, now):
        raise QuoteExpired
    if expires_at - now > QUOTE_LIFE_MAX:
        raise QuoteTooLong
    content = {"customer_ref": customer_ref, "interest_fen": interest_fen, "expires_at": expires_at}
    row = await quote_repository.find(session, bank_id, quote_id)
    if row is None:
        if await quote_repository.count_open(session, bank_id) >= QUOTES_OPEN_MAX:
            raise TooManyQuotes(most=QUOTES_OPEN_MAX)
        await quote_repository.add(session, {"bank_id": bank_id, "quote_id": quote_id, **content})
        row = await quote_repository.find(session, bank_id, quote_id)
        assert row is not None
    if any(getattr(row, name) != value for name, value in content.items()):
        raise QuoteDiffers
    return _quote(row, bank)


async def list_own_quotes(session: Session, *, account_id: uuid.UUID, pseudonyms: Pseudonyms) -> list[Quote]:
    """Return the quotes that a citizen can use now, the first to end first."""
    found = {one.bank_id: one for one in await banks.list_banks(session)}
    refs = [ref for bank_id in found for ref in pseudonyms.all_of(bank_id, account_id)]
    rows = await quote_repository.open_of(session, refs, _QUOTES_SHOWN_MAX) if refs else ()
    return [_quote(row, found[row.bank_id]) for row in rows if row.bank_id in found]


async def delete_old_quotes(session: Session) -> None:
    """Timed job: of a quote that ended nothing is kept, except its reference in the offset that used it."""
    await quote_repository.delete_old(session, QUOTE_KEPT)


# --- offsets ----------------------------------------------------------------------------------------------------------


async def _offsets(session: Session, rows: Sequence[Any]) -> list[Offset]:
    found = await banks.get_banks(session, bank_ids={row.bank_id for row in rows})
    return [
        Offset(
            offset_id=row.offset_id,
            status=shown_status(Status(row.status), BankStatus(row.bank_status)),
            reason_code=row.reason_code,
            bank_id=row.bank_id,
            bank_name=found[row.bank_id].name,
            quote_id=row.quote_id,
            budget_id=row.budget_id,
            amount_mg=row.amount_mg,
            interest_fen=row.cost_fen,
            bank_status=BankStatus(row.bank_status),
            bank_at=row.bank_at,
            answer_by=row.answer_by,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def get_settled_offsets(session: Session, *, settled: Sequence[Settlement]) -> list[Offset]:
    """Return offsets in the sequence of their settlements."""
    rows = await repository.by_ids(session, [one.settlement_id for one in settled])
    return await _offsets(session, [rows[one.settlement_id] for one in settled])


async def get_own_offset(session: Session, *, offset_id: uuid.UUID, user_id: uuid.UUID) -> Offset:
    """Raises OffsetNotFound, also for an offset of another person."""
    row = await repository.owned(session, offset_id, user_id)
    if row is None:
        raise OffsetNotFound
    return (await _offsets(session, [row]))[0]


async def list_own_offsets(
    session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[Offset]:
    """Return the offsets of the user before the id `before`, newest first. Refused ones are no offsets."""
    return await _offsets(session, await repository.owned_page(session, user_id=user_id, before=before, limit=limit))


async def list_paid(
    session: Session,
    *,
    bank_id: str | None,
    bank_status: BankStatus | None,
    after: uuid.UUID | None,
    limit: int,
) -> list[Offset]:
    """Return offsets whose grams were spent, by id. For banks and operators."""
    rows = await repository.paid_page(session, bank_id=bank_id, bank_status=bank_status, after=after, limit=limit)
    return await _offsets(session, rows)


# --- the bank's answer ------------------------------------------------------------------------------------------------


async def answer(session: Session, *, offset_id: uuid.UUID, bank_id: str, bank_status: BankStatus) -> Offset:
    """Take the answer of a bank. A repeat of the same answer has no effect.

    A refusal begins the return of grams and budget; the engine goes on. Raises OffsetNotFound, OffsetDecided.
    """
    if await repository.paid_of_bank(session, offset_id, bank_id) is None:
        raise OffsetNotFound
    if await repository.decide(session, offset_id, bank_status) and bank_status is not BankStatus.CONFIRMED:
        await _begin_return(session, offset_id, Reason.BANK_REFUSED)
    row = await repository.paid_of_bank(session, offset_id, bank_id)
    assert row is not None
    if row.bank_status != bank_status:
        raise OffsetDecided(extensions={"bank_status": row.bank_status})
    return (await _offsets(session, [row]))[0]


async def void_unanswered(session: Session) -> None:
    """Timed job: begin to give back what banks have not answered in time."""
    for offset_id in await repository.overdue(session, _VOIDED_PER_RUN):
        if await repository.decide(session, offset_id, BankStatus.SILENT):
            await _begin_return(session, offset_id, Reason.BANK_SILENT)


async def _begin_return(session: Session, offset_id: uuid.UUID, reason: Reason) -> None:
    begun = await settlements.begin_return(session, loan_offset, settlement_id=offset_id, reason=reason)
    assert begun, "decided under a lock of the row"


# --- effects of a settlement ------------------------------------------------------------------------------------------


async def deliver(session: Session, *, ended: Ended) -> None:
    """The grams are spent: the bank's time begins."""
    if ended.confirmed:
        await repository.begin_waiting(session, [one.settlement_id for one in ended.confirmed])


async def count(session: Session, *, ended: Ended) -> None:
    """Change budgets, then the fen of people in their months."""
    rows = await repository.by_ids(session, [one.settlement_id for one in ended.all]) if ended.all else {}
    funds: dict[str, tuple[int, int]] = {}
    freed = []
    for group, reserved, spent in ((ended.confirmed, -1, 1), (ended.released, -1, 0), (ended.returned, 0, -1)):
        for one in group:
            row = rows[one.settlement_id]
            before = funds.get(row.budget_id, (0, 0))
            funds[row.budget_id] = (before[0] + reserved * row.cost_fen, before[1] + spent * row.cost_fen)
            if group is not ended.confirmed:
                freed.append((row.user_id, row.bank_id, row.month, row.cost_fen))
    await budgets.change(session, changes=funds)
    await repository.give_back(session, freed)


# --- sums -------------------------------------------------------------------------------------------------------------


async def settled_in_month(session: Session, *, month: str, bank_id: str | None, zone: str) -> Sequence[Any]:
    """Return rows of (bank_id, budget_id, day, offsets, amount_mg, interest_fen) that banks confirmed in a month."""
    begin, end = (datetime.combine(day, time.min, ZoneInfo(zone)) for day in days_of(month))
    return await repository.settled_by_day(session, bank_id=bank_id, begin=begin, end=end, zone=zone)


async def taken_fen(session: Session, *, user_id: uuid.UUID, month: str) -> dict[str, int]:
    """Return the fen of a person in a month, by bank."""
    return dict(await repository.taken_fen(session, user_id, month))


async def costs_by_budget(session: Session) -> dict[str, tuple[int, int]]:
    """Return the fen in open and in paid offsets, by budget."""
    return {row.budget_id: (int(row.open), int(row.confirmed)) for row in await repository.costs_by_budget(session)}


async def total_spent_mg(session: Session) -> int:
    """Return the grams of all paid offsets."""
    return await repository.total_spent_mg(session)


async def count_wrong_months(session: Session) -> int:
    """Count counters of a person and month that differ from the offsets."""
    return await repository.count_wrong_months(session)
