"""Use case of placing offsets: a set of requests of different people, in one transaction.

Locks: quotes, budgets, the people's months, new offsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.rewards.banks import service as banks
from services.rewards.banks.service import Bank
from services.rewards.budgets import service as budgets
from services.rewards.budgets.errors import BudgetExhausted
from services.rewards.loans import quote_repository, repository
from services.rewards.loans.domain import fen_of, is_over, mg_of
from services.rewards.loans.errors import (
    InterestExceeded,
    LoanLimitReached,
    LoansClosed,
    OffsetTooSmall,
    QuoteExpired,
    QuoteNotFound,
    QuoteUsed,
)
from services.rewards.loans.models import loan_offset
from services.rewards.loans.pseudonyms import Pseudonyms
from services.rewards.loans.repository import MonthTake
from services.rewards.settlement import service as settlements
from services.rewards.settlement.service import Asked, Placement
from shared import clock
from shared.amounts import grams
from shared.db import Session
from shared.errors import AppError, IdempotencyKeyInProgress, IdempotencyKeyReused
from shared.ids import new_id

Placed = Placement | AppError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request offsets. `amount_mg`: at most these grams."""

    bank_id: str
    quote_id: str
    amount_mg: int

    @property
    def quote(self) -> tuple[str, str]:
        return self.bank_id, self.quote_id


@dataclass(frozen=True, slots=True)
class _Candidate:
    place: int
    asked: Asked
    bank: Bank
    fen: int

    def take(self, month: str) -> MonthTake:
        return MonthTake(self.asked.origin.user_id, self.bank.bank_id, month, self.fen, self.bank.month_fen)


async def place_offsets(
    session: Session, *, asked: Sequence[Asked], month: str, pseudonyms: Pseudonyms
) -> list[Placed]:
    """Open the settlements of offsets. Reserve the budget and count towards the month of each person.

    `month`: the local month. Errors: QuoteNotFound, QuoteExpired, QuoteUsed, LoansClosed, OffsetTooSmall,
    InterestExceeded, LoanLimitReached, BudgetExhausted, IdempotencyKeyReused.
    """
    pairs = [one.wanted.quote for one in asked]
    quotes = await quote_repository.lock(session, pairs)
    used = await repository.used_quotes(session, pairs)
    found_banks = await banks.get_banks(session, bank_ids={pair[0] for pair in pairs})
    earlier = await repository.by_keys(session, [(one.origin.user_id, one.origin.idempotency_key) for one in asked])
    found: dict[int, Placed] = {}
    candidates = []
    for place, one in enumerate(asked):
        row = earlier.get((one.origin.user_id, one.origin.idempotency_key))
        bank = found_banks.get(one.wanted.bank_id)
        if row is not None:
            found[place] = await _existing(session, one, row)
        elif bank is None:
            found[place] = QuoteNotFound()
        elif refusal := _screened(one, quotes.get(one.wanted.quote), bank, used, pseudonyms):
            found[place] = refusal
        else:
            candidates.append(_Candidate(place, one, bank, fen_of(one.wanted.amount_mg, bank.fen_per_kg)))
    if candidates:
        found |= await _reserve(session, candidates, month)
    return [found[place] for place in range(len(asked))]


async def _existing(session: Session, asked: Asked, row: Any) -> Placed:
    """Answer a repeated request whose idempotency key is deleted or was never finished."""
    if (row.bank_id, row.quote_id, row.account_id) != (*asked.wanted.quote, asked.origin.account_id):
        return IdempotencyKeyReused()
    return Placement(await settlements.get(session, loan_offset, settlement_id=row.offset_id), repeated=True)


def _screened(
    asked: Asked, quote: Any | None, bank: Bank, used: set[tuple[str, str]], pseudonyms: Pseudonyms
) -> AppError | None:
    wanted: Wanted = asked.wanted
    # A quote of somebody else is not there: nobody learns who has a loan.
    if quote is None or quote.customer_ref not in pseudonyms.all_of(bank.bank_id, asked.origin.account_id):
        return QuoteNotFound()
    if wanted.quote in used:
        return QuoteUsed()
    if is_over(quote.expires_at, clock.now()):
        return QuoteExpired()
    if bank.suspended_at is not None:
        return LoansClosed()
    fen = fen_of(wanted.amount_mg, bank.fen_per_kg)
    if fen == 0:
        least_mg = mg_of(1, bank.fen_per_kg)
        return OffsetTooSmall(least=grams(least_mg), extensions={"min_mg": least_mg})
    if fen > quote.interest_fen:
        most_mg = mg_of(quote.interest_fen, bank.fen_per_kg)
        return InterestExceeded(most=grams(most_mg), extensions={"max_mg": most_mg})
    return None


async def _reserve(session: Session, candidates: Sequence[_Candidate], month: str) -> dict[int, Placed]:
    """Decide under the locks of the budgets, in the order of the requests."""
    left = await budgets.lock_left(session, budget_ids={one.bank.budget_id for one in candidates})
    sponsors = await budgets.sponsors_of(session, budget_ids=sorted({one.bank.budget_id for one in candidates}))
    found: dict[int, Placed] = {}
    accepted = []
    for one in sorted(candidates, key=lambda one: (one.asked.origin.user_id, one.bank.bank_id)):
        if left[one.bank.budget_id] < one.fen:
            found[one.place] = BudgetExhausted()
        elif not await repository.take(session, one.take(month)):
            taken = await repository.taken_fen(session, one.asked.origin.user_id, month)
            left_fen = max(0, one.bank.month_fen - taken.get(one.bank.bank_id, 0))
            found[one.place] = LoanLimitReached(extensions={"left_fen": left_fen})
        else:
            left[one.bank.budget_id] -= one.fen
            accepted.append(one)
    if not accepted:
        return found
    rows = {one.place: _row(one, month, f"redeemed:{sponsors[one.bank.budget_id].sponsor_id}") for one in accepted}
    opened = await settlements.open_many(
        session, loan_offset, [(one.asked.origin, rows[one.place]) for one in accepted]
    )
    reserved: dict[str, tuple[int, int]] = {}
    for one in accepted:
        settlement = opened.get(rows[one.place]["offset_id"])
        if settlement is None:  # another process has placed an offset with this key a moment ago
            await repository.give_back(session, [(one.asked.origin.user_id, one.bank.bank_id, month, one.fen)])
            found[one.place] = IdempotencyKeyInProgress()
            continue
        found[one.place] = Placement(settlement)
        before = reserved.get(one.bank.budget_id, (0, 0))
        reserved[one.bank.budget_id] = (before[0] + one.fen, 0)
    await budgets.change(session, changes=reserved)
    return found


def _row(candidate: _Candidate, month: str, capture_to: str) -> Mapping[str, Any]:
    bank, wanted = candidate.bank, candidate.asked.wanted
    return {
        "offset_id": new_id(),
        "amount_mg": mg_of(candidate.fen, bank.fen_per_kg),
        "capture_to": capture_to,
        "title_zh": bank.name.zh,
        "title_en": bank.name.en,
        "bank_id": bank.bank_id,
        "quote_id": wanted.quote_id,
        "budget_id": bank.budget_id,
        "cost_fen": candidate.fen,
        "month": month,
        "answer_hours": bank.answer_hours,
    }
