"""Erasure of a person: planned, cancelled, carried out here, asked of the other services, and answered by them.

`DELETE /me` plans it. When the cooling-off is over, one transaction for each person lets every room end what others
rely on, deletes the person's rows of this schema and asks the other services. Each answers on its own topic. A question
without an answer is asked again, and an alarm tells of erasures that hang.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import structlog

from services.accounts.database import SCHEMA
from services.accounts.erasures import repository
from services.accounts.erasures.errors import ErasureNotPlanned
from services.accounts.erasures.models import Erasure, ErasureAnswer
from services.accounts.messages import service as messages
from services.accounts.messages.service import MessageKind
from services.accounts.personal_data import TABLES
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock, erasing, telemetry
from shared.contracts import topics
from shared.contracts.erasures_v1 import ERASURE_ASKED_TYPE, ErasureAnswered, ErasureAsked, ErasureMessage
from shared.contracts.identity import person_account_id
from shared.db import Database, Session
from shared.errors import Unauthenticated
from shared.ids import new_id
from shared.personal_rows import PersonalRows, PersonIds
from shared.projection import Items

PEOPLE_MAX: Final = 100  # of one run: about two seconds
ASKED_AGAIN_AFTER: Final = timedelta(hours=1)
STUCK_AFTER: Final = timedelta(hours=24)
ANSWERING: Final = ("accounting", "ingest", "rewards")
_ROWS_MAX: Final = 1000
_ASK_MAX: Final = 100
_SOURCE: Final = "/accounts"
_ROWS: Final = PersonalRows(SCHEMA, TABLES)
# Its rows never change, so the service may delete and not lock them. Its room does.
_ELSEWHERE: Final = frozenset({"consent_change"})
Release: TypeAlias = Callable[[Session, Settings, uuid.UUID], Awaitable[None]]
"""Ends what a person has with others, before the rows are deleted."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErasureView:
    """An erasure as operators see it: a number of an account, no person."""

    erasure_id: uuid.UUID
    account_id: uuid.UUID
    status: str
    planned_at: datetime
    due_at: datetime
    started_at: datetime | None
    done_at: datetime | None
    answers: tuple[tuple[str, int, datetime], ...]


async def plan(session: Session, *, settings: Settings, user_id: uuid.UUID) -> ErasureView:
    """Plan the erasure of a person after the cooling-off. A second call returns the same plan.

    Raises Unauthenticated (the user is gone).
    """
    await users.lock_user(session, user_id=user_id)
    existing = await repository.find_planned(session, user_id=user_id)
    if existing is not None:
        return _view(existing, ())
    now = clock.now()
    row = Erasure(
        erasure_id=new_id(),
        user_id=user_id,
        account_id=person_account_id(user_id),
        status="planned",
        planned_at=now,
        due_at=now + timedelta(days=settings.erasure_cooling_off_days),
    )
    await repository.add(session, row)
    day = row.due_at.astimezone(ZoneInfo(settings.time_zone)).date()
    await messages.queue(
        session, user_id=user_id, kind=MessageKind.ERASURE_PLANNED, key=str(row.erasure_id), values={"on": day}
    )
    return _view(row, ())


async def cancel(session: Session, *, user_id: uuid.UUID) -> None:
    """Cancel the planned erasure. Raises ErasureNotPlanned, Unauthenticated (the user is gone)."""
    await users.lock_user(session, user_id=user_id)
    row = await repository.find_planned(session, user_id=user_id)
    if row is None:
        raise ErasureNotPlanned
    row.status, row.cancelled_at = "cancelled", clock.now()


async def find_planned(session: Session, *, user_id: uuid.UUID) -> ErasureView | None:
    row = await repository.find_planned(session, user_id=user_id)
    return None if row is None else _view(row, ())


async def carry_out_due(database: Database, *, settings: Settings, release: Release) -> int:
    """Erase people whose cooling-off is over, each in a transaction of its own. Return how many.

    A transaction holds the locks of one person only, and what `release` locks behind it.
    """
    async with database.transaction() as session:
        people = await repository.due_people(session, at=clock.now(), limit=PEOPLE_MAX)
    done = 0
    for user_id in people:
        async with database.transaction() as session:
            done += await _carry_out_one(session, settings, release, user_id)
    return done


async def _carry_out_one(session: Session, settings: Settings, release: Release, user_id: uuid.UUID) -> bool:
    try:
        await users.lock_user(session, user_id=user_id)
    except Unauthenticated:
        return False  # another worker erased the person a moment ago
    row = await repository.lock_due(session, user_id=user_id, at=clock.now())
    if row is None:
        return False  # cancelled a moment ago
    await release(session, settings, user_id)
    await _carry_out(session, settings, row, user_id)
    return True


async def _carry_out(session: Session, settings: Settings, row: Erasure, user_id: uuid.UUID) -> None:
    await session.flush()
    rows, ids = 0, PersonIds(user_id=user_id, account_id=row.account_id)
    erased = _ROWS_MAX
    while erased >= _ROWS_MAX:
        erased = await _ROWS.erase(session, ids, at_most=_ROWS_MAX, without=_ELSEWHERE)
        rows += erased
    row.status, row.started_at = "running", clock.now()
    await _ask(session, settings, row)
    _log.info("person_erased", erasure_id=str(row.erasure_id), rows=rows)


async def ask_again(session: Session, *, settings: Settings) -> None:
    """Ask again where a service has not answered. Timed job."""
    before = clock.now() - ASKED_AGAIN_AFTER
    for row in await repository.lock_unanswered(session, asked_before=before, limit=_ASK_MAX):
        await _ask(session, settings, row)


async def _ask(session: Session, settings: Settings, row: Erasure) -> None:
    assert row.user_id is not None  # the table's CHECK: named until done
    at = clock.now()
    row.asked_at = at
    asked = ErasureAsked(erasure_id=row.erasure_id, account_id=row.account_id, user_id=row.user_id, asked_at=at)
    topic = settings.topic_prefix + topics.ERASURES
    await erasing.publish(session, SCHEMA, topic, row.account_id, asked, ERASURE_ASKED_TYPE, at, source=_SOURCE)


async def handle_answers(session: Session, items: Items[ErasureMessage], *, service: str) -> None:
    """Collect the answers of one service. The last one ends the erasure. Consumer of `<service>.erasures.v1`."""
    for _, message in items:
        if not isinstance(message, ErasureAnswered):
            continue
        row = await repository.lock_erasure(session, erasure_id=message.erasure_id)
        if row is None or row.status != "running":
            continue
        await repository.add_answer(
            session,
            erasure_id=row.erasure_id,
            service=service,
            row_count=message.rows,
            answered_at=message.answered_at,
        )
        answered = {answer.service for answer in await repository.answers_to(session, [row.erasure_id])}
        if answered >= set(ANSWERING):
            row.status, row.done_at, row.user_id = "done", clock.now(), None


async def measure(session: Session) -> None:
    """Publish how many erasures are open and how many hang, for the alarm. Timed job."""
    planned, running, stuck = await repository.count_open(session, started_before=clock.now() - STUCK_AFTER)
    telemetry.ERASURES_OPEN.labels(status="planned").set(planned)
    telemetry.ERASURES_OPEN.labels(status="running").set(running)
    telemetry.ERASURES_STUCK.set(stuck)


async def list_page(
    session: Session, *, status: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[ErasureView]:
    """List erasures, the newest first, with the answers of the services."""
    rows = await repository.list_page(session, status=status, before=before, limit=limit)
    answers = await repository.answers_to(session, [row.erasure_id for row in rows])
    return [_view(row, [one for one in answers if one.erasure_id == row.erasure_id]) for row in rows]


def _view(row: Erasure, answers: Sequence[ErasureAnswer]) -> ErasureView:
    return ErasureView(
        erasure_id=row.erasure_id,
        account_id=row.account_id,
        status=row.status,
        planned_at=row.planned_at,
        due_at=row.due_at,
        started_at=row.started_at,
        done_at=row.done_at,
        answers=tuple((one.service, one.row_count, one.answered_at) for one in answers),
    )
