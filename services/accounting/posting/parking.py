"""Timed jobs on parked events: judge them after their person is bound, drop those that nobody claimed."""

from services.accounting.judging import reasons
from services.accounting.posting import parked_repository, service
from services.accounting.posting.closing import Programme, closing
from services.accounting.posting.domain import PARKED_VERDICT, Verdict, verdict_without_act
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Session, driver

# A parked event waits this long for its person to bind. Then its content is deleted.
PARKED_LIFE_S = 7 * 24 * 3600
_RELEASE_MAX = 1000
_FORGET_MAX = 1000


async def release_parked(session: Session, *, programme: Programme) -> None:
    """Judge parked events that the bindings of their person decide now.

    Runs every second. It also covers the race in which an event is parked while its binding is being stored, events
    that wait for a partner's confirmation, and those after the end of a binding that has no successor.
    """
    rows = await parked_repository.parked_with_binding(await driver(session), service.settled_before(), _RELEASE_MAX)
    if rows:
        async with closing(session, programme) as closed:
            await service.judge_parked(session, rows, programme=programme, closing=closed)


async def release_held(session: Session, *, programme: Programme) -> None:
    """Judge acts that waited for a refused methodology whose content is the approved one again. Timed job."""
    rows = await parked_repository.parked_for_methodology(await driver(session), programme.index.held, _RELEASE_MAX)
    if rows:
        async with closing(session, programme) as closed:
            await service.judge_parked(session, rows, programme=programme, closing=closed)


async def forget_parked(session: Session, *, programme: Programme) -> None:
    """Refuse events that stayed parked for PARKED_LIFE_S and drop their content."""
    connection = await driver(session)
    rows = await parked_repository.parked_too_long(connection, PARKED_LIFE_S, _FORGET_MAX)
    if not rows:
        return
    async with closing(session, programme) as closed:
        verdicts = [_unclaimed(service.parked_report(row), row["sequence"] + 1) for row in rows]
        await parked_repository.forget_parked(connection, [row["activity_id"] for row in rows], reasons.NO_BINDING)
        await closed.add(verdicts)


def _unclaimed(report: ActivityReported, sequence: int) -> Verdict:
    verdict = verdict_without_act(report, "refused", reasons.NO_BINDING, sequence=sequence)
    verdict.replaces = PARKED_VERDICT
    return verdict
