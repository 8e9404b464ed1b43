"""Consumer of `ingest.activities.v1`: sorts a poll, posts its reports, then stores its corrections."""

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
    """The records of a poll by operation. `dead` are records that can never be processed.

    With `wait`, the handler processes everything now and waits for people whom other transactions have locked.
    """

    reports: list[ActivityReported] = field(default_factory=list)
    corrections: list[ActivityReported] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    wait: bool = False

    def joined_with(self, later: "SortedPoll") -> "SortedPoll":
        """Return both polls as one, in their order. It does not wait for locked people."""
        return SortedPoll(self.reports + later.reports, self.corrections + later.corrections, [*self.dead, *later.dead])


def sort_reports(found: projection.Decoded[ActivityReported]) -> SortedPoll:
    """Sort the records of a poll by operation.

    A report without an act and a correction without an original become dead letters.
    """
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
    """Post the reports of a poll and store its corrections.

    Reports of people whom another transaction has locked are postponed. Then all corrections of the poll are postponed,
    too, because they may name these reports.
    """
    programme = await programmes.current(session)
    left: Sequence[ActivityReported] = ()
    async with closing(session, programme) as closed:
        if poll.reports:
            known = await _known_events(session, poll.reports)
            left = await posting.post_reports(
                session, poll.reports, known, programme=programme, closing=closed, wait=poll.wait
            )
        if poll.corrections and not left:
            # Read after posting: a report of the same poll may have the same id.
            known = await _known_events(session, poll.corrections)
            await corrections.receive_corrections(session, poll.corrections, known, closing=closed)
    if left:
        undone = SortedPoll(list(left), poll.corrections, poll.dead, wait=True)
        return Postponed(undone, undone.joined_with)
    return poll.dead


async def _known_events(session: Session, reports: Sequence[ActivityReported]) -> dict[UUID, KnownEvent]:
    return await repository.known_events(await driver(session), [report.event_key for report in reports])
