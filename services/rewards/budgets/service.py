"""Use cases of budgets, in fen: reserved for a new order, spent for a confirmed one, free again for a cancelled one.

A gram is worth some forty times more as a reward than on the carbon market. Without a limit the programme would promise
money that no sponsor has provided.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.rewards.budgets import repository
from shared.db import Session
from shared.language import Text

# A programme has tens of sponsors, so a report of all budgets is one page.
BUDGETS_MAX = 500


@dataclass(frozen=True, slots=True)
class Sponsor:
    sponsor_id: str
    name: Text


async def open_budget(session: Session, *, budget_id: str, sponsor: Sponsor, limit_fen: int) -> None:
    """Make a budget. An existing one is not changed."""
    await repository.insert_missing(
        session,
        budget_id=budget_id,
        sponsor_id=sponsor.sponsor_id,
        sponsor_zh=sponsor.name.zh,
        sponsor_en=sponsor.name.en,
        limit_fen=limit_fen,
    )


async def lock_left(session: Session, *, budget_ids: Collection[str]) -> dict[str, int]:
    """Lock budgets until the transaction ends. Return the fen left in each."""
    return await repository.lock_left(session, budget_ids)


async def change(session: Session, *, changes: Mapping[str, tuple[int, int]]) -> None:
    """Add (reserved, spent) fen to budgets by id. Newly reserved ones were left under `lock_left`."""
    await repository.add(session, changes)


async def sponsors_of(session: Session, *, budget_ids: Sequence[str]) -> dict[str, Sponsor]:
    """Return the sponsor of each budget, by budget id."""
    rows = await repository.by_ids(session, budget_ids)
    return {row.budget_id: Sponsor(row.sponsor_id, Text(row.sponsor_zh, row.sponsor_en)) for row in rows}


async def list_budgets(session: Session) -> Sequence[Any]:
    """Return rows of (budget_id, limit_fen, reserved_fen, spent_fen, …), at most BUDGETS_MAX."""
    return await repository.all_budgets(session, BUDGETS_MAX)
