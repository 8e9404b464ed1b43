"""Use cases of budgets, in fen: reserved for a new order, spent for a confirmed one, free again for a cancelled one.

A gram is worth some forty times more as a reward than on the carbon market. Without a limit the programme would promise
money that no sponsor has provided.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from services.rewards.approvals.domain import MallProposal
from services.rewards.budgets import repository
from services.rewards.budgets.domain import used_percent
from services.rewards.budgets.errors import (
    BudgetClosed,
    BudgetExists,
    BudgetLimitTooLow,
    BudgetNotFound,
    TooManyBudgets,
)
from shared import telemetry
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal
from shared.auth.tokens import Operator
from shared.db import Session
from shared.language import Text

# A programme has tens of sponsors, so a report of all budgets is one page.
BUDGETS_MAX = 500
SCOPE: Final = "ops:rewards"
OPEN: Final = MallProposal.OPEN_BUDGET
RAISE: Final = MallProposal.RAISE_BUDGET
CLOSE: Final = MallProposal.CLOSE_BUDGET

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sponsor:
    sponsor_id: str
    name: Text


@dataclass(frozen=True, slots=True)
class Budget:
    budget_id: str
    sponsor: Sponsor
    limit_fen: int
    reserved_fen: int
    spent_fen: int
    created_at: datetime
    closed_at: datetime | None
    alarmed_at: datetime | None

    @property
    def left_fen(self) -> int:
        """What new orders may still cost."""
        return 0 if self.closed_at is not None else self.limit_fen - self.reserved_fen - self.spent_fen

    @property
    def used_percent(self) -> int:
        return used_percent(self.limit_fen, self.reserved_fen + self.spent_fen)


def _budget(row: Any) -> Budget:
    return Budget(
        budget_id=row.budget_id,
        sponsor=Sponsor(row.sponsor_id, Text(row.sponsor_zh, row.sponsor_en)),
        limit_fen=row.limit_fen,
        reserved_fen=row.reserved_fen,
        spent_fen=row.spent_fen,
        created_at=row.created_at,
        closed_at=row.closed_at,
        alarmed_at=row.alarmed_at,
    )


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


async def sponsor_names(session: Session, *, sponsor_ids: Collection[str]) -> dict[str, Text]:
    """Return the name of each sponsor, as in its newest budget."""
    rows = await repository.of_sponsors(session, sponsor_ids, BUDGETS_MAX)
    return {row.sponsor_id: Text(row.sponsor_zh, row.sponsor_en) for row in rows}


async def list_budgets(session: Session) -> Sequence[Any]:
    """Return rows of (budget_id, limit_fen, reserved_fen, spent_fen, …), at most BUDGETS_MAX."""
    return await repository.all_budgets(session, BUDGETS_MAX)


async def get_budget(session: Session, *, budget_id: str) -> Budget:
    """Raises BudgetNotFound."""
    row = await repository.find(session, budget_id)
    if row is None:
        raise BudgetNotFound
    return _budget(row)


async def require_open(session: Session, *, budget_id: str) -> Budget:
    """Raises BudgetNotFound, BudgetClosed."""
    found = await get_budget(session, budget_id=budget_id)
    if found.closed_at is not None:
        raise BudgetClosed
    return found


async def list_page(session: Session, *, alarmed: bool | None, after: str | None, limit: int) -> list[Budget]:
    """Return budgets by id. `alarmed`: only those of which 80 % are used, or only the others."""
    return [_budget(row) for row in await repository.page(session, alarmed=alarmed, after=after, limit=limit)]


async def report(session: Session) -> None:
    """Timed job: export what is left of each budget, and log once when 80 % are used."""
    for row in await repository.all_budgets(session, BUDGETS_MAX):
        one = _budget(row)
        telemetry.BUDGET_LEFT_FEN.labels(one.budget_id).set(one.left_fen)
        telemetry.BUDGET_USED_PERCENT.labels(one.budget_id).set(0 if one.closed_at else one.used_percent)
    for row in await repository.note_alarms(session):
        _log.warning("budget_nearly_used", budget_id=row.budget_id, used_fen=row.used_fen, limit_fen=row.limit_fen)


# --- two persons ------------------------------------------------------------------------------------------------------


async def propose_open(
    session: Session,
    approvals: Approvals,
    *,
    budget_id: str,
    sponsor: Sponsor,
    limit_fen: int,
    reason: str,
    operator: Operator,
) -> Proposal:
    """Raises BudgetExists, TooManyBudgets, ProposalOpen."""
    content = {
        "sponsor_id": sponsor.sponsor_id,
        "sponsor_zh": sponsor.name.zh,
        "sponsor_en": sponsor.name.en,
        "limit_fen": limit_fen,
    }
    return await approvals.propose(
        session, kind=OPEN, subject=budget_id, content=content, reason=reason, operator=operator
    )


async def propose_raise(
    session: Session, approvals: Approvals, *, budget_id: str, limit_fen: int, reason: str, operator: Operator
) -> Proposal:
    """Raises BudgetNotFound, BudgetClosed, BudgetLimitTooLow, ProposalOpen."""
    content = {"limit_fen": limit_fen}
    return await approvals.propose(
        session, kind=RAISE, subject=budget_id, content=content, reason=reason, operator=operator
    )


async def propose_close(
    session: Session, approvals: Approvals, *, budget_id: str, reason: str, operator: Operator
) -> Proposal:
    """Raises BudgetNotFound, BudgetClosed, ProposalOpen."""
    return await approvals.propose(session, kind=CLOSE, subject=budget_id, reason=reason, operator=operator)


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(name=OPEN, scope=SCOPE, preview=_preview_open, act=_act_open),
        Kind(name=RAISE, scope=SCOPE, preview=_preview_raise, act=_act_raise),
        Kind(name=CLOSE, scope=SCOPE, preview=_preview_close, act=_act_close),
    )


async def _preview_open(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    if await repository.find(session, subject) is not None:
        raise BudgetExists
    if await repository.count(session) >= BUDGETS_MAX:
        raise TooManyBudgets(most=BUDGETS_MAX)
    return Change({}, dict(content))


async def _act_open(session: Session, proposal: Proposal) -> None:
    await repository.insert_missing(session, budget_id=proposal.subject, **proposal.content)


async def _preview_raise(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    budget = await require_open(session, budget_id=subject)
    if content["limit_fen"] <= budget.limit_fen:
        raise BudgetLimitTooLow
    return Change({"limit_fen": budget.limit_fen}, {"limit_fen": content["limit_fen"]})


async def _act_raise(session: Session, proposal: Proposal) -> None:
    await repository.raise_limit(session, proposal.subject, proposal.content["limit_fen"])


async def _preview_close(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    budget = await require_open(session, budget_id=subject)
    before = {
        "limit_fen": budget.limit_fen,
        "reserved_fen": budget.reserved_fen,
        "spent_fen": budget.spent_fen,
        "closed": False,
    }
    return Change(before, {**before, "closed": True})


async def _act_close(session: Session, proposal: Proposal) -> None:
    await repository.close(session, proposal.subject)
