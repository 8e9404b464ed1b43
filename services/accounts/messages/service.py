"""The kinds of messages that people asked for, and the queue of messages to send.

A subscription of WeChat is one-time: each acceptance in the mini-program allows one message of one template. So a
person has a count for each kind. Queuing takes one off, and a message that WeChat cannot deliver for a reason of ours
gives it back.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.messages import domain, repository
from services.accounts.messages.domain import Value
from services.accounts.messages.errors import MessageKindUnavailable
from services.accounts.messages.models import Message
from services.accounts.messages.templates import TEMPLATES, MessageKind, OfferedTemplate
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.users import service as users
from shared import clock, telemetry
from shared.db import Session
from shared.ids import new_id

__all__ = ["MessageKind"]

# More acceptances than a person taps in a month. WeChat itself keeps no more in mind for long.
REMAINING_MAX = 30
ANSWERS_QUOTA = Quota("message_answer", at_most=60, window_s=86_400)
# Longer than the log of any topic that causes messages: the same cause never leads to a second message.
KEPT = timedelta(days=90)
# A message about today is of no use the day after tomorrow.
LIFE = timedelta(hours=36)
_KEY_CHARS_MAX = 128


class Answer(StrEnum):
    """What the person answered when the mini-program asked (`wx.requestSubscribeMessage`), or `stop`."""

    ACCEPT = "accept"
    REJECT = "reject"
    BAN = "ban"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Choice:
    kind: MessageKind
    template_id: str
    remaining: int


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A message that WeChat refused for a reason of ours."""

    message_id: uuid.UUID
    kind: MessageKind
    reason: str
    created_at: datetime
    finished_at: datetime


async def queue(
    session: Session, *, user_id: uuid.UUID, kind: MessageKind | str, key: str, values: Mapping[str, Value]
) -> bool:
    """Queue a message in the transaction of its cause. Return whether it is new and the person asked for it.

    `key` names the cause, e.g. an order's id: a person gets one message for each kind and key. It holds no personal
    data. `values` are those of the kind's template. Without an acceptance left, or without consent to messages,
    nothing is stored. Raises UnfitValue (a fault of the caller).
    """
    kind = MessageKind(kind)
    texts = domain.rendered(kind, values)
    if not 0 < len(key) <= _KEY_CHARS_MAX:
        raise domain.UnfitValue("key")
    choice = await repository.lock_choice(session, user_id=user_id, kind=kind)
    if choice is None or choice.remaining == 0:
        return False
    if not await consents.has_consent(session, user_id=user_id, purpose=Purpose.MESSAGES):
        return False
    now = clock.now()
    is_new = await repository.try_insert(
        session,
        {
            "message_id": new_id(),
            "user_id": user_id,
            "kind": kind,
            "key": key,
            "texts": texts,
            "status": "waiting",
            "attempts": 0,
            "refusals": 0,
            "due_at": now,
            "expires_at": now + LIFE,
            "created_at": now,
        },
    )
    if is_new:
        await repository.set_remaining(session, user_id=user_id, kind=kind, remaining=choice.remaining - 1, at=now)
    return is_new


async def list_choices(
    session: Session, *, offered: Mapping[MessageKind, OfferedTemplate], user_id: uuid.UUID
) -> Sequence[Choice]:
    """List the kinds that are offered, with what the person accepted of each."""
    remaining = await repository.list_choices(session, user_id=user_id)
    return [Choice(kind, one.template_id, remaining.get(kind, 0)) for kind, one in offered.items()]


async def record_answers(
    session: Session,
    *,
    offered: Mapping[MessageKind, OfferedTemplate],
    user_id: uuid.UUID,
    answers: Mapping[MessageKind, Answer],
) -> Sequence[Choice]:
    """Record what the person answered. `accept` allows one more message; `ban` and `stop` end all of the kind.

    `reject` concerns this question only: earlier acceptances stay with WeChat, and here.
    Raises MessageKindUnavailable, ConsentRequired, QuotaExceeded, Unauthenticated (the user is gone).
    """
    await users.lock_user(session, user_id=user_id)
    now = clock.now()
    accepted = [kind for kind, answer in answers.items() if answer is Answer.ACCEPT]
    if not offered.keys() >= set(accepted):
        raise MessageKindUnavailable(offered=[TEMPLATES[kind].title for kind in offered] or "-")
    if accepted:
        await consents.require_consent(session, user_id=user_id, purpose=Purpose.MESSAGES)
    await quotas.count_use(session, user_id=user_id, quota=ANSWERS_QUOTA)
    for kind, answer in sorted(answers.items()):
        if answer is Answer.ACCEPT:
            await repository.add_accepted(session, user_id=user_id, kind=kind, at_most=REMAINING_MAX, at=now)
        elif answer is not Answer.REJECT:
            await end_subscription(session, user_id=user_id, kind=kind, reason="STOPPED")
    return await list_choices(session, offered=offered, user_id=user_id)


async def end_subscription(session: Session, *, user_id: uuid.UUID, kind: str, reason: str) -> None:
    """Forget the acceptances of a kind and drop what waits."""
    now = clock.now()
    await repository.lock_choice(session, user_id=user_id, kind=kind)
    await repository.set_remaining(session, user_id=user_id, kind=kind, remaining=0, at=now)
    await repository.drop_waiting(session, user_id=user_id, kind=kind, reason=reason, at=now)


async def give_back(session: Session, *, user_id: uuid.UUID, kind: str) -> None:
    """Give back the acceptance of a message that WeChat did not send. A person who stopped meanwhile gets none."""
    await repository.add_one_back(session, user_id=user_id, kind=kind, at_most=REMAINING_MAX, at=clock.now())


async def drop_expired(session: Session, *, now: datetime, at_most: int) -> None:
    """Drop messages that could not be sent in time, and give their acceptances back."""
    for message_id, user_id, kind in await repository.list_expired(session, now=now, at_most=at_most):
        await repository.lock_choice(session, user_id=user_id, kind=kind)
        if await repository.drop_one(session, message_id=message_id, reason="EXPIRED", at=now):
            await give_back(session, user_id=user_id, kind=kind)
            telemetry.MESSAGES.labels(kind, "dropped").inc()


async def users_asking(session: Session, *, kind: MessageKind, after: uuid.UUID, at_most: int) -> Sequence[uuid.UUID]:
    """List the users who asked for a kind and have not received it, by id."""
    return await repository.users_asking(session, kind=kind, after=after, at_most=at_most)


async def list_failed(session: Session, *, before: uuid.UUID | None, limit: int) -> Sequence[FailedMessage]:
    """List messages that failed for a reason of ours, newest first, without their person."""
    rows = await repository.list_failed(session, before=before, at_most=limit)
    return [_failed(row) for row in rows]


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Delete everything about a person. A message under way may still arrive."""
    await repository.delete_of_user(session, user_id=user_id)


async def purge_past(session: Session, *, at_most: int) -> None:
    """Delete messages that ended long ago, at most `at_most`, and the counts of past minutes and days."""
    now = clock.now()
    await repository.delete_past(session, before=now - KEPT, now=now, at_most=at_most)


def _failed(row: Message) -> FailedMessage:
    assert row.finished_at is not None  # a CHECK of the table
    return FailedMessage(row.message_id, MessageKind(row.kind), row.reason or "-", row.created_at, row.finished_at)
