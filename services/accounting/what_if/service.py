"""Use cases of what-if runs: what a draft would have changed in a past period. They never change the ledger."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog

from services.accounting.audit import service as audit
from services.accounting.bindings.domain import BindingState
from services.accounting.judging.acts import Act
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.compiled import Compiled, factor_set
from services.accounting.methodologies.document import content_sha256, parse_methodology
from services.accounting.posting import history, homes
from services.accounting.what_if import repository
from services.accounting.what_if.domain import Difference, PastAct, compare, rule_in_force_from, subjects_of
from services.accounting.what_if.errors import PeriodInvalid, RunNotFound, TooManyRuns
from shared import clock
from shared.contracts.activities_v1 import Act as ReportedAct
from shared.db import Session
from shared.ids import new_id

PERIOD_DAYS_MAX = 366
RUNNING_MAX = 5  # each keeps a worker busy for a while
# A batch of a busy year has some thousand acts: a fraction of a second, so the worker answers the log in time.
PEOPLE_PER_BATCH = 50
ACTS_PER_TICK = 5_000
_NEVER_LATE_S = 10**9  # acts that came too late are left out before

_log = structlog.get_logger(__name__)


async def start_run(
    session: Session, *, text: str, first_day: date, last_day: date, reason: str, subject: str, today: date
) -> Any:
    """Start a run. Raises DocumentInvalid, PeriodInvalid, TooManyRuns."""
    if not first_day <= last_day <= today or last_day - first_day >= timedelta(days=PERIOD_DAYS_MAX):
        raise PeriodInvalid(days=PERIOD_DAYS_MAX)
    document, _ = parse_methodology(text)
    rule_in_force_from(document, factor_set(await methodologies.list_factors(session)), first_day)
    if await repository.running(session) >= RUNNING_MAX:
        raise TooManyRuns(limit=RUNNING_MAX)
    row = await repository.add(
        session,
        {
            "run_id": new_id(),
            "code": document.code,
            "version": document.version,
            "text": text,
            "sha256": content_sha256(document),
            "first_day": first_day,
            "last_day": last_day,
            "status": "running",
            "requested_by": subject,
        },
    )
    await audit.record(
        session,
        subject=subject,
        action="what_if.start",
        about=f"{document.code} v{document.version}",
        reason=reason,
        after={"run_id": str(row.run_id), "from": first_day.isoformat(), "to": last_day.isoformat()},
    )
    return row


async def get_run(session: Session, *, run_id: uuid.UUID) -> Any:
    """Return a run. Raises RunNotFound."""
    row = await repository.run(session, run_id)
    if row is None:
        raise RunNotFound
    return row


async def advance_oldest_run(session: Session, *, time_zone: str) -> bool:
    """Process some batches of the oldest run. Return whether there was one. Timed job."""
    row = await repository.next_run(session)
    if row is None:
        return False
    try:
        document, _ = parse_methodology(row.text)
        rule = rule_in_force_from(document, factor_set(await methodologies.list_factors(session)), row.first_day)
        await _judge_batches(session, row, rule, time_zone)
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as exc:  # the document is faulty, so a retry does not help
        _log.warning("what_if_failed", run_id=str(row.run_id), error=repr(exc))
        await repository.fail(session, row.run_id, type(exc).__name__)
    return True


async def _judge_batches(session: Session, row: Any, rule: Compiled, time_zone: str) -> None:
    zone = ZoneInfo(time_zone)
    since = datetime.combine(row.first_day, time.min, zone)
    until = datetime.combine(row.last_day + timedelta(days=1), time.min, zone)
    done, after = 0, row.last_account_id
    while done < ACTS_PER_TICK:
        people, acts = await history.next_past_acts(
            session, since=since, until=until, after=after, people=PEOPLE_PER_BATCH
        )
        if not people:
            await repository.finish(session, row.run_id)
            return
        past = [PastAct(_act(row, time_zone), row.amount_mg) for row in acts]
        found = await _compare(session, row.run_id, past, rule, time_zone)
        after = people[-1]
        await repository.add_batch(session, row.run_id, found, last_account_id=after)
        done += len(acts) + len(people)


async def _compare(
    session: Session, run_id: uuid.UUID, past: list[PastAct], rule: Compiled, time_zone: str
) -> Difference:
    if not rule.shared:
        return compare(past, rule)
    placed = await homes.acts_with_homes(session, [one.act for one in past], rule=rule, time_zone=time_zone)
    past = [PastAct(act, one.earned_mg) for act, one in zip(placed, past, strict=True)]
    used = await repository.usage_of(session, run_id, subjects_of(past, rule))
    found = compare(past, rule, used)
    await repository.add_usage(session, run_id, found.usage)
    return found


def _act(row: Any, time_zone: str) -> Act:
    done = msgspec.convert(row.act, ReportedAct)
    fields = {name: getattr(done, name) for name in _COMMON_FIELDS}
    return Act(
        activity_id=row.activity_id,
        account_id=row.account_id,
        partner_id=row.partner_id,
        occurred_at=done.started_at.astimezone(UTC),
        ended_at=done.ended_at,
        local_date=clock.local_date(done.started_at, time_zone),
        received_at=row.received_at,
        late_window_s=_NEVER_LATE_S,
        binding=BindingState.BOUND,
        evidence_tier=row.evidence_tier or "partner_signed",
        **fields,
    )


_COMMON_FIELDS = tuple(sorted(set(ReportedAct.__struct_fields__) & set(Act.__struct_fields__) - {"ended_at"}))
