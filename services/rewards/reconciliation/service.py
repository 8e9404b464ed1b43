"""Use cases of reconciliation: start a run, compare a stretch of ids, list what differs, repeat missing captures."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from services.rewards.database import SettledTable
from services.rewards.reconciliation import repository
from services.rewards.reconciliation.domain import Difference, Pair, compare
from services.rewards.reconciliation.errors import NothingToCapture, RunNotFound, RunOpen
from services.rewards.settlement import service as settlements
from services.rewards.settlement.domain import Settlement, Status
from shared import clock, telemetry
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.contracts.holds import HoldPage, PostedHold
from shared.db import Session
from shared.ids import new_id

SCOPE: Final = "ops:rewards"
CAPTURES: Final = "reconciliation.captures"
NIGHTLY: Final = "~nightly"
LAST_ID: Final = uuid.UUID(int=2**128 - 1)
# Beyond it differences are only counted: a side that lost more is restored again, not repaired row by row.
DIFFERENCES_MAX: Final = 100_000
_KEPT_FOR: Final = timedelta(days=90)
_DELETED_PER_RUN: Final = 20
# After the seals of the day and before the morning's rides.
_NIGHTLY_HOUR: Final = 3


@dataclass(frozen=True, slots=True)
class Run:
    """`capture_again` is the approved proposal to repeat the missing captures."""

    run_id: uuid.UUID
    night: date | None
    requested_by: str
    started_at: datetime
    finished_at: datetime | None
    position: uuid.UUID
    compared: int
    in_flight: int
    differing: int
    last_error: str | None
    capture_again: str | None


def _run(row: Any) -> Run:
    return Run(**row._mapping)


async def start_run(session: Session, *, operator: str) -> Run:
    """Start a run on request. Raises RunOpen."""
    run_id = new_id()
    if not await repository.insert_run(session, run_id=run_id, requested_by=operator, night=None):
        raise RunOpen
    return await get_run(session, run_id=run_id)


async def start_nightly(session: Session, *, time_zone: str) -> None:
    """Start the run of the night once, from 03:00 local time on. Timed job."""
    now = clock.now()
    night = clock.local_date(now, time_zone)
    is_due = clock.local_date(now - timedelta(hours=_NIGHTLY_HOUR), time_zone) == night
    if is_due and not await repository.has_night(session, night):
        await repository.insert_run(session, run_id=new_id(), requested_by=NIGHTLY, night=night)


async def get_open_run(session: Session) -> Run | None:
    row = await repository.open_run(session)
    return None if row is None else _run(row)


async def get_run(session: Session, *, run_id: uuid.UUID) -> Run:
    """Raises RunNotFound."""
    row = await repository.run_of(session, run_id)
    if row is None:
        raise RunNotFound
    return _run(row)


async def list_runs(session: Session, *, before: uuid.UUID | None, limit: int) -> list[Run]:
    return [_run(row) for row in await repository.list_runs(session, before=before, limit=limit)]


async def get_totals(session: Session, *, run_id: uuid.UUID) -> Sequence[Any]:
    """Return the sums of both sides by receiver, without what was in flight."""
    return await repository.totals_of(session, run_id)


async def count_differences(session: Session, *, run_id: uuid.UUID) -> dict[str, int]:
    """Count the differences of a run without those whose capture was repeated."""
    return await repository.count_differences(session, run_id)


async def list_differences(
    session: Session, *, run_id: uuid.UUID, difference: str | None, after: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Return differences in the order of their ids. Raises RunNotFound."""
    await get_run(session, run_id=run_id)
    return await repository.list_differences(session, run_id, difference=difference, after=after, limit=limit)


async def note_error(session: Session, *, run: Run, error: str) -> None:
    await repository.note_error(session, run.run_id, error)


async def compare_stretch(
    session: Session,
    *,
    run: Run,
    page: HoldPage,
    tables: Mapping[str, SettledTable],
    in_flight: timedelta,
    limit: int,
) -> Run | None:
    """Compare the next ids of both sides. Return the run if there are more of them.

    `page` are the next holds after the run's position. The stretch ends where the page or one of the tables was cut
    off, so that each id in it has both of its sides. At most `limit` rows of each are in memory.
    """
    upto = page.items[-1].hold_id if page.has_more else LAST_ID
    found: dict[str, list[Settlement]] = {}
    for kind, table in tables.items():
        rows = await settlements.list_between(session, table, after=run.position, upto=upto, limit=limit)
        if len(rows) == limit:
            upto = rows[-1].settlement_id
        found[kind] = rows
    pairs = _pairs(found, page.items, upto)
    now = await repository.database_now(session)
    # The clock of accounting may be ahead.
    compared = [pair for pair in pairs if not pair.moved_between(now - in_flight, now + in_flight)]
    differing = [(pair, difference) for pair in compared if (difference := compare(pair)) is not None]
    is_last = upto == LAST_ID
    moved = await repository.advance(
        session,
        run.run_id,
        expected=run.position,
        position=upto,
        is_last=is_last,
        compared=len(compared),
        in_flight=len(pairs) - len(compared),
        differing=len(differing),
    )
    if not moved:
        return None
    if totals := _totals(compared):
        await repository.add_totals(session, run.run_id, totals)
    if differing and run.differing < DIFFERENCES_MAX:
        await repository.add_differences(session, [_row(run.run_id, *one) for one in differing])
    return None if is_last else await get_run(session, run_id=run.run_id)


def _pairs(found: Mapping[str, Sequence[Settlement]], holds: Sequence[PostedHold], upto: uuid.UUID) -> list[Pair]:
    by_id = {hold.hold_id: hold for hold in holds if hold.hold_id <= upto}
    here = [(kind, one) for kind, rows in found.items() for one in rows if one.settlement_id <= upto]
    pairs = [Pair(one.settlement_id, kind, one, by_id.pop(one.settlement_id, None)) for kind, one in here]
    return pairs + [Pair(hold_id, None, None, hold) for hold_id, hold in by_id.items()]


def _totals(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for pair in pairs:
        if pair.settlement is not None and pair.settlement.status is Status.CONFIRMED:
            total = totals[pair.settlement.capture_to]
            total[0] += 1
            total[1] += pair.settlement.amount_mg
        if pair.hold is not None and pair.hold.captured_to is not None and pair.hold.status == "captured":
            total = totals[pair.hold.captured_to]
            total[2] += 1
            total[3] += pair.hold.posted_mg
    return totals


def _row(run_id: uuid.UUID, pair: Pair, difference: Difference) -> dict[str, Any]:
    here, there = pair.settlement, pair.hold
    return {
        "run_id": run_id,
        "settlement_id": pair.settlement_id,
        "difference": difference,
        "kind": pair.kind,
        "account_id": here and here.account_id,
        "status": here and here.status,
        "amount_mg": here and here.amount_mg,
        "receiver": here and here.capture_to,
        "hold_account_id": there and there.account_id,
        "hold_status": there and there.status,
        "hold_amount_mg": there and there.amount_mg,
        "hold_receiver": there and there.captured_to,
        "posted_mg": there and there.posted_mg,
        "posted_to": there and there.posted_to,
    }


async def report(session: Session) -> None:
    """Export the differences of the last finished run and its age as metrics. Timed job."""
    row = await repository.last_finished(session)
    if row is None:
        return
    counts = await repository.count_differences(session, row.run_id)
    for difference in Difference:
        telemetry.RECONCILIATION_DIFFERENCES.labels(difference).set(counts.get(difference, 0))
    age = await repository.database_now(session) - row.started_at
    telemetry.RECONCILIATION_AGE_S.set(age.total_seconds())


async def delete_old_runs(session: Session) -> None:
    """Delete runs older than 90 days. Timed job."""
    await repository.delete_before(session, _KEPT_FOR, _DELETED_PER_RUN)


async def propose_captures(
    session: Session, approvals: Approvals, *, run_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Propose to repeat the missing captures of a finished run. Raises RunNotFound, NothingToCapture, ProposalOpen."""
    return await approvals.propose(session, kind=CAPTURES, subject=str(run_id), reason=reason, operator=operator)


def kinds() -> tuple[Kind, ...]:
    return (Kind(name=CAPTURES, scope=SCOPE, preview=_preview_captures, act=_allow_captures, spell=spell_uuid),)


async def _preview_captures(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    run = await get_run(session, run_id=uuid.UUID(subject))
    count, amount_mg = await repository.missing_captures(session, run.run_id)
    if run.finished_at is None or not count or run.capture_again is not None:
        raise NothingToCapture
    before = {"captures": count, "amount_mg": amount_mg, "repeated": False}
    return Change(before, {**before, "repeated": True})


async def _allow_captures(session: Session, proposal: Proposal) -> None:
    await repository.allow_captures(session, uuid.UUID(proposal.subject), str(proposal.proposal_id))


@dataclass(frozen=True, slots=True)
class MissingCapture:
    run_id: uuid.UUID
    kind: str
    settlement: Settlement


async def list_captures_to_repeat(
    session: Session, *, tables: Mapping[str, SettledTable], limit: int
) -> list[MissingCapture]:
    """Return missing captures of approved proposals that were not repeated yet."""
    return [
        MissingCapture(
            row.run_id, row.kind, await settlements.get(session, tables[row.kind], settlement_id=row.settlement_id)
        )
        for row in await repository.list_missing(session, limit=limit)
    ]


async def note_result(session: Session, *, missing: MissingCapture, result: str) -> None:
    await repository.set_result(session, missing.run_id, missing.settlement.settlement_id, result)
