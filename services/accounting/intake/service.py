"""Consumer of `ingest.activities.v1`: decodes a poll, posts its reports, then receives its corrections."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.accounting.corrections import service as corrections
from services.accounting.intake import repository
from services.accounting.posting import service as posting
from services.accounting.posting.closing import ProgrammeSource, closing
from services.accounting.posting.domain import KnownEvent
from shared import projection
from shared.consumer import DeadLetter, Postponed
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Session, driver


@dataclass(slots=True)
class SortedPoll:
    """The records of a poll by operation; `dead` are those that can never be processed.

    `wait`: all of it is to be done now, waiting for people that other transactions hold.
    """

    reports: list[ActivityReported] = field(default_factory=list)
    corrections: list[ActivityReported] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    wait: bool = False

    def before(self, later: "SortedPoll") -> "SortedPoll":
        """Together with a later poll's, without waiting for either."""
        return SortedPoll(self.reports + later.reports, self.corrections + later.corrections, [*self.dead, *later.dead])


def sort_reports(found: projection.Decoded[ActivityReported]) -> SortedPoll:
    """Sorts the records of a poll by operation. A report without its act, or a correction without its original, is a
    dead letter."""
    poll = SortedPoll(dead=list(found.dead))
    for record, report in found.items:
        if report.act is None and report.operation != "cancel":
            poll.dead.append(DeadLetter(record, "ACT_MISSING", report.operation))
        elif report.operation == "report":
            poll.reports.append(report)
        elif report.original_event_id is None:
            poll.dead.append(DeadLetter(record, "ORIGINAL_MISSING", report.operation))
        else:
            poll.corrections.append(report)
    return poll


async def handle_poll(
    session: Session, poll: SortedPoll, *, programmes: ProgrammeSource
) -> Sequence[DeadLetter] | Postponed:
    """Handles what `sort_reports` made of a poll.

    Reports of people whom another transaction holds are postponed, and corrections with them: they may name them.
    """
    programme = await programmes.current(session)
    left: Sequence[ActivityReported] = ()
    async with closing(session, programme) as closed:
        if poll.reports:
            known = await _known_events(session, poll.reports)
            left = await posting.post(session, poll.reports, known, programme=programme, closing=closed, wait=poll.wait)
        if poll.corrections and not left:
            # Read only now: a report of the same poll may have the same id.
            known = await _known_events(session, poll.corrections)
            await corrections.receive(session, poll.corrections, known, closing=closed)
    if left:
        undone = SortedPoll(list(left), poll.corrections, poll.dead, wait=True)
        return Postponed(undone, undone.before)
    return poll.dead


async def _known_events(session: Session, reports: Sequence[ActivityReported]) -> dict[UUID, KnownEvent]:
    return await repository.known_events(await driver(session), [report.event_key for report in reports])
