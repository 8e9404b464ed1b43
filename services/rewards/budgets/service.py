"""Money behind rewards, in fen: reserved when an order is placed, spent when it is confirmed, returned otherwise.

A gram is worth some forty times more as a reward than on the carbon market; without a limit the programme would
promise money nobody has set aside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.rewards.budgets import repository
from services.rewards.budgets.errors import BudgetExhausted
from shared.db import Session

# A programme has tens of sponsors; a report of all budgets stays one page.
BUDGETS_MAX = 500


@dataclass(frozen=True, slots=True)
class Sponsor:
    sponsor_id: str
    zh: str
    en: str


async def open_budget(session: Session, *, budget_id: str, sponsor: Sponsor, limit_fen: int) -> None:
    """Makes a budget; one that exists stays as it is."""
    await repository.insert_missing(
        session,
        budget_id=budget_id,
        sponsor_id=sponsor.sponsor_id,
        sponsor_zh=sponsor.zh,
        sponsor_en=sponsor.en,
        limit_fen=limit_fen,
    )


async def reserve(session: Session, *, budget_id: str, amount_fen: int) -> None:
    """Raises BudgetExhausted."""
    if not await repository.reserve(session, budget_id, amount_fen):
        raise BudgetExhausted


async def spend_reserved(session: Session, *, budget_id: str, amount_fen: int) -> None:
    await repository.spend_reserved(session, budget_id, amount_fen)


async def return_reserved(session: Session, *, budget_id: str, amount_fen: int) -> None:
    await repository.return_reserved(session, budget_id, amount_fen)


async def sponsors(session: Session, *, budget_ids: Sequence[str]) -> dict[str, Sponsor]:
    rows = await repository.by_ids(session, budget_ids)
    return {row.budget_id: Sponsor(row.sponsor_id, row.sponsor_zh, row.sponsor_en) for row in rows}


async def report(session: Session) -> Sequence[Any]:
    return await repository.all_budgets(session, BUDGETS_MAX)
