"""Use cases of activities beside posting: the log's records in, bindings, parked events, and what citizens ask."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from services.accounting.activities import corrections, homes, posting, posting_repository, reasons, repository
from services.accounting.activities.acts import Act
from services.accounting.activities.domain import Judgement, Status, from_row, to_record
from services.accounting.activities.errors import ActivityNotFound
from services.accounting.activities.posting import Programme
from services.accounting.activities.subjects import counters, period_start
from services.accounting.activities.verdicts import PARKED, Verdict
from services.accounting.households import service as households
from services.accounting.households.domain import Stay
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.compiled import CapRule, Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from shared import clock
from shared.consumer import DeadLetter, Postponed
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Session, driver
from shared.eventlog import StoredRecord

# A parked event waits this long for its person to bind; afterwards nothing about the stranger is kept.
PARKED_LIFE_S = 7 * 24 * 3600
_RELEASE_MAX = 1000
_FORGET_MAX = 1000
_WHATEVER_THE_METHODOLOGY = (
    reasons.NOT_YET_HAPPENED,
    reasons.TOO_LATE,
    reasons.NO_BINDING,
    reasons.BEFORE_BINDING,
    reasons.AFTER_BINDING,
    reasons.CONSENT_WITHDRAWN,
    reasons.DUPLICATE_ACT,
)

# What decoding bytes from anywhere can raise.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_reported = msgspec.json.Decoder(ActivityReported)
_binding = msgspec.json.Decoder(BindingChanged)


@dataclass(slots=True)
class Decoded:
    """A poll's records by what they ask for; `dead` are those that never will be processable.

    `patient`: all of it is to be done now, whoever has to be waited for.
    """

    reports: list[ActivityReported] = field(default_factory=list)
    corrections: list[ActivityReported] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    patient: bool = False

    def before(self, later: "Decoded") -> "Decoded":
        """Together with a later poll's, and without patience for either."""
        return Decoded(self.reports + later.reports, self.corrections + later.corrections, [*self.dead, *later.dead])


def decode_reports(records: Sequence[StoredRecord]) -> Decoded:
    """One bad record never harms the others."""
    decoded = Decoded()
    for record in records:
        try:
            report = _reported.decode(record.value or b"")
        except _UNREADABLE as exc:
            decoded.dead.append(DeadLetter(record, "UNREADABLE_RECORD", str(exc)))
            continue
        if report.operation != "cancel" and report.act is None:
            decoded.dead.append(DeadLetter(record, "ACT_MISSING", report.operation))
        elif report.operation != "report" and report.original_event_id is None:
            decoded.dead.append(DeadLetter(record, "ORIGINAL_MISSING", report.operation))
        elif report.operation == "report":
            decoded.reports.append(report)
        else:
            decoded.corrections.append(report)
    return decoded


async def programme(session: Session, library: methodologies.Library, *, time_zone: str, topic: str) -> Programme:
    """What is in force now; `topic` is where outcomes go."""
    return Programme(await library.index(session), time_zone, topic)


async def handle_decoded(
    session: Session, decoded: Decoded, *, library: methodologies.Library, time_zone: str, topic: str
) -> Sequence[DeadLetter] | Postponed:
    """Consumer of `ingest.activities.v1`, of what `decode_reports` made of a poll.

    What others hold is postponed, and corrections with it: they may speak of it.
    """
    rules = await programme(session, library, time_zone=time_zone, topic=topic)
    closing = posting.Closing()
    left: Sequence[ActivityReported] = ()
    if decoded.reports:
        left = await posting.post(session, decoded.reports, programme=rules, closing=closing, patient=decoded.patient)
    if decoded.corrections and not left:
        await corrections.receive(session, decoded.corrections, closing=closing)
    await posting.close(session, closing, programme=rules)
    if left:
        undone = Decoded(list(left), decoded.corrections, decoded.dead, patient=True)
        return Postponed(undone, undone.before)
    return decoded.dead


async def handle_bindings(session: Session, records: Sequence[StoredRecord]) -> Sequence[DeadLetter]:
    """Consumer of `accounts.bindings.v1`: keeps the newest version of each binding, in whatever order they come."""
    newest: dict[uuid.UUID, BindingChanged] = {}
    dead = []
    for record in records:
        if record.value is None:
            continue
        try:
            change = _binding.decode(record.value)
        except _UNREADABLE as exc:
            dead.append(DeadLetter(record, "UNREADABLE_RECORD", str(exc)))
            continue
        if change.binding_id not in newest or newest[change.binding_id].version < change.version:
            newest[change.binding_id] = change
    if newest:
        await repository.upsert_bindings(session, list(newest.values()))
    return dead


async def release_parked(session: Session, *, programme: Programme) -> None:
    """Judges parked events whose person is bound by now. Run every second: it also closes the race in which an event is
    parked while its binding is being stored."""
    rows = await posting_repository.parked_with_binding(await driver(session), _RELEASE_MAX)
    if rows:
        closing = posting.Closing()
        await posting.release(session, rows, programme=programme, closing=closing)
        await posting.close(session, closing, programme=programme)


async def forget_parked(session: Session, *, programme: Programme) -> None:
    """Refuses what stayed parked for PARKED_LIFE_S and drops its content."""
    rows = await posting_repository.parked_too_long(await driver(session), PARKED_LIFE_S, _FORGET_MAX)
    if not rows:
        return
    reports = [msgspec.convert(row["act"], ActivityReported) for row in rows]
    sequences = {row["activity_id"]: row["sequence"] for row in rows}
    verdicts = [
        Verdict(
            report,
            "refused",
            judgement=Judgement(
                activity_id=report.event_key,
                account_id=None,
                status=Status.REFUSED,
                reason_code=reasons.NO_BINDING,
            ),
            sequence=sequences[report.event_key] + 1,
            replaces=PARKED,
        )
        for report in reports
    ]
    connection = await driver(session)
    await posting_repository.forget_parked(connection, [report.event_key for report in reports], reasons.NO_BINDING)
    closing = posting.Closing()
    await closing.add(verdicts, {})
    await posting.close(session, closing, programme=programme)


async def activity(session: Session, *, account_id: uuid.UUID, activity_id: uuid.UUID) -> Any:
    """The stored verdict. Raises ActivityNotFound, also for another citizen's activity."""
    row = await repository.activity(session, account_id, activity_id)
    if row is None:
        raise ActivityNotFound
    return row


def judgement_record(activity: Any) -> dict[str, Any] | None:
    """The whole judgement of a stored activity as JSON values; None where its content is gone or never was kept."""
    return None if activity.judgement is None else to_record(from_row(activity._mapping))


async def summary(
    session: Session, *, account_id: uuid.UUID, by: str, first: date, last: date, time_zone: str
) -> Sequence[Any]:
    return await repository.summary(session, account_id, by=by, first=first, last=last, time_zone=time_zone)


@dataclass(frozen=True, slots=True)
class CapState:
    """How far a cap is used for a person today; `shared` when others use it too."""

    period_start: date
    acts: int
    amount_mg: int
    shared: bool


async def cap_states(
    session: Session, *, account_id: uuid.UUID, caps: Mapping[str, CapRule], now: datetime, time_zone: str
) -> dict[str, CapState]:
    """By cap id. Of several counters (one's own, the household's) the fullest one limits."""
    today = clock.local_date(now, time_zone)
    stays: tuple[Stay, ...] = ()
    meter_key: str | None = None
    if any(cap.per != "account" for cap in caps.values()):
        stays, meter_key = await households.present(session, account_id=account_id, now=now, time_zone=time_zone)
    keys = {cap_id: counters(cap, account_id, stays, meter_key, today) for cap_id, cap in caps.items()}
    used = await repository.cap_usage(session, [key for found in keys.values() for key in found])
    states = {}
    for cap_id, cap in caps.items():
        counted = [used.get(key, (0, 0)) for key in keys[cap_id]]
        states[cap_id] = CapState(
            period_start=period_start(cap.period, today),
            acts=max((acts for acts, _ in counted), default=0),
            amount_mg=max((amount_mg for _, amount_mg in counted), default=0),
            shared=any(key.subject_id != account_id for key in keys[cap_id]),
        )
    return states


async def intake_totals(session: Session, *, day: date | None, partner_id: str | None) -> Sequence[Any]:
    return await repository.tallies(session, day=day, partner_id=partner_id)


async def require_reversible(session: Session, *, activity_id: uuid.UUID) -> dict[str, Any]:
    """What an operator's reversal would take back; the activity stays locked.

    Raises ActivityNotFound, ActivityReversedAlready, ActivityNotCredited.
    """
    row = await corrections.revocable(session, activity_id=activity_id)
    return {"status": row["status"], "amount_mg": row["amount_mg"]}


async def reverse(session: Session, *, activity_id: uuid.UUID, requested_by: str, programme: Programme) -> None:
    """An operator's reversal. Raises as `require_reversible` does."""
    await corrections.revoke(session, activity_id=activity_id, requested_by=requested_by, programme=programme)


async def past_acts(
    session: Session, *, since: datetime, until: datetime, after: uuid.UUID | None, people: int
) -> tuple[Sequence[uuid.UUID], Sequence[Any]]:
    """The next `people` by account id, and all acts of theirs in [since, until) whose worth is a methodology's to say.

    Left out: what was taken back, and what no methodology would have counted (late, unbound, a duplicate).
    """
    found = await repository.past_people(session, since=since, until=until, after=after, people=people)
    if not found:
        return (), ()
    acts = await repository.past_acts(session, found, since=since, until=until, without=_WHATEVER_THE_METHODOLOGY)
    return found, acts


async def at_home(session: Session, acts: Sequence[Act], *, rule: Compiled, time_zone: str) -> list[Act]:
    """Past acts with the households that one rule must know of."""
    index = MethodologyIndex([rule])
    found = await homes.homes_of(await driver(session), acts, index, time_zone)
    return homes.at_home(acts, found, index)
