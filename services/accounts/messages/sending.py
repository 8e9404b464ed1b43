"""The part of the worker that sends messages: claims due ones, sends them, notes the result.

Claiming and noting are short transactions of their own, and no connection waits for WeChat.

A message is sent once, or not at all. WeChat has no id by which it would recognise a repetition. So a message whose
fate is unknown ends as `unknown`: the process died between sending and noting, or WeChat did not answer in time. It is
repeated only when WeChat was not reached (until it expires), or said that it did not send it (once).
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.messages import repository, service
from services.accounts.messages.models import Message
from services.accounts.messages.templates import MessageKind, OfferedTemplate
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from services.accounts.wechat.answers import WeChatRefusal
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import WxBusy, WxUnavailable, WxUnreachable
from shared import clock, telemetry
from shared.db import Database, Session

IN_FLIGHT_MAX: Final = 8
# Longer than a call with the renewal of its token and its waits for places.
CLAIM_FOR: Final = timedelta(seconds=40)
IDLE_S = 1.0
_FAILURE_PAUSE_S = 2.0
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400
_SWEPT_MAX: Final = 500
_FIRST_DELAY_S: Final = 30
_DELAY_S_MAX: Final = 1800
_REFUSALS_MAX: Final = 2

_USER_REFUSED: Final = 43101
_OPENID_INVALID: Final = 40003
_QUOTA_USED: Final = frozenset({45009, 45011})
# The template, its values or its page are wrong: nobody gets this message before somebody corrects the settings.
_OURS: Final = frozenset({40037, 41030, 47003})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    message: Message
    attempt: int
    openid: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `delay_s` is set for a message that is tried again."""

    status: str
    reason: str | None = None
    delay_s: int | None = None
    counts: bool = False  # as one of the refusals that a message survives
    gives_back: bool = False  # the acceptance that it took
    ends_kind: bool = False


def outcome_of(failure: Exception | None, *, attempts: int, refusals: int) -> Outcome:
    """Return what follows from an attempt. `attempts` and `refusals` include the present one."""
    delay_s = min(_FIRST_DELAY_S * int(2 ** min(attempts - 1, 10)), _DELAY_S_MAX)
    match failure:
        case None:
            return Outcome("sent")
        case WxBusy() | WxUnreachable():
            return Outcome("waiting", "NOT_REACHED", delay_s)
        case WxUnavailable():
            return Outcome("unknown", "NO_ANSWER")
        case WeChatRefusal(errcode=code) if code == _USER_REFUSED:
            return Outcome("dropped", str(code), ends_kind=True)
        case WeChatRefusal(errcode=code) if code in _QUOTA_USED:
            return Outcome("waiting", str(code), _DELAY_S_MAX)
        case WeChatRefusal(errcode=code) if code in _OURS:
            return Outcome("failed", str(code), gives_back=True)
        case WeChatRefusal(errcode=code) if code == _OPENID_INVALID or refusals + 1 >= _REFUSALS_MAX:
            return Outcome("failed", str(code), gives_back=code != _OPENID_INVALID)
        case WeChatRefusal(errcode=code):
            return Outcome("waiting", str(code), delay_s, counts=True)
    raise failure


class MessageSender:
    """Runs until stopped. Several processes may run one each."""

    def __init__(
        self,
        database: Database,
        *,
        settings: Settings,
        vault: Vault,
        wechat: WeChatClient,
        offered: Mapping[MessageKind, OfferedTemplate],
    ) -> None:
        self._database, self._settings, self._vault, self._wechat = database, settings, vault, wechat
        self._offered = offered

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                sent = await self.send_due()
                pause_s = 0.0 if sent else IDLE_S
            except Exception as exc:
                _log.warning("messages_not_sent", error=repr(exc)[:300])
                pause_s = _FAILURE_PAUSE_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause_s)
        await self._wechat.stop()

    async def send_due(self) -> int:
        """Send the next due messages. Return how many were tried. Messages wait while WeChat gives no token."""
        now = clock.now()
        async with self._database.transaction() as session:
            if not await repository.any_due(session, now=now):
                return 0
        try:
            await self._wechat.prepare_messages()
        except (WxUnavailable, WxBusy):
            ready = False  # nothing is claimed: the messages stay due
        else:
            ready = True
        async with self._database.transaction() as session:
            interrupted = await repository.end_interrupted(session, now=now, at_most=_SWEPT_MAX)
            await service.drop_expired(session, now=now, at_most=_SWEPT_MAX)
        async with self._database.transaction() as session:
            claimed = await self._claim(session, now=now, at_most=IN_FLIGHT_MAX if ready else 0)
        if interrupted:
            telemetry.MESSAGES.labels("-", "unknown").inc(interrupted)
            _log.warning("messages_interrupted", count=interrupted)
        await asyncio.gather(*(self._deliver(one) for one in claimed))
        return len(claimed)

    async def _claim(self, session: Session, *, now: datetime, at_most: int) -> Sequence[Claimed]:
        """Claim due messages within the quotas. Messages that nobody may get any more are dropped."""
        windows = [
            await repository.lock_window(session, length_s=length_s, ends_at=_window_end(now, length_s))
            for length_s in (_DAY_S, _MINUTE_S)
        ]
        limits = (self._settings.messages_per_day, self._settings.messages_per_minute)
        free = min(at_most, *(limit - window.sent for limit, window in zip(limits, windows, strict=True)))
        claimed = []
        for message in await repository.lock_due(session, now=now, at_most=max(free, 0)):
            openid = await self._openid_for(session, message, now)
            if openid is None:
                continue
            message.status, message.attempts, message.due_at = "sending", message.attempts + 1, now + CLAIM_FOR
            claimed.append(Claimed(message, message.attempts, openid))
        for window in windows:
            window.sent += len(claimed)
        return claimed

    async def _openid_for(self, session: Session, message: Message, now: datetime) -> str | None:
        """Return the open id to send to. None: the message is dropped, because it must not be sent any more."""
        openid: str | None = None
        reason: str | None
        if MessageKind(message.kind) not in self._offered:
            reason = "NOT_OFFERED"
        elif not await consents.has_consent(session, user_id=message.user_id, purpose=Purpose.MESSAGES):
            reason = "NO_CONSENT"
        else:
            openid = await users.read_openid(session, vault=self._vault, user_id=message.user_id)
            reason = "NO_USER" if openid is None else None
        if reason is not None:
            message.status, message.reason, message.finished_at = "dropped", reason, now
            telemetry.MESSAGES.labels(message.kind, "dropped").inc()
        return openid

    async def _deliver(self, claimed: Claimed) -> None:
        """Send one message and note what came of it. A result that cannot be noted leaves the message `unknown`."""
        message = claimed.message
        template = self._offered[MessageKind(message.kind)]
        failure: Exception | None = None
        try:
            await self._wechat.send_message(
                openid=claimed.openid,
                template_id=template.template_id,
                page=template.page,
                data=template.data(message.texts),
                state=self._settings.wechat_version,
            )
        except (WeChatRefusal, WxUnavailable, WxBusy) as exc:
            failure = exc
        outcome = outcome_of(failure, attempts=claimed.attempt, refusals=message.refusals)
        try:
            async with self._database.transaction() as session:
                await self._note(session, claimed, outcome)
        except Exception as exc:
            _log.warning("message_not_noted", message=str(message.message_id), error=repr(exc)[:300])

    async def _note(self, session: Session, claimed: Claimed, outcome: Outcome) -> None:
        user_id, kind = claimed.message.user_id, claimed.message.kind
        # The order of every other writer: the choice first, then its messages.
        await repository.lock_choice(session, user_id=user_id, kind=kind)
        row = await repository.lock_attempt(session, message_id=claimed.message.message_id, attempt=claimed.attempt)
        if row is None:
            return
        now = clock.now()
        row.status, row.reason = outcome.status, outcome.reason
        row.refusals += outcome.counts
        if outcome.delay_s is not None:
            row.due_at = now + timedelta(seconds=outcome.delay_s)
        else:
            row.finished_at = now
        if outcome.gives_back:
            await service.give_back(session, user_id=user_id, kind=kind)
        if outcome.ends_kind:
            await service.end_subscription(session, user_id=user_id, kind=kind, reason=outcome.reason or "-")
        telemetry.MESSAGES.labels(kind, outcome.status).inc()
        if outcome.status == "failed":
            _log.error("message_failed", message=str(row.message_id), kind=kind, errcode=outcome.reason)


def _window_end(now: datetime, length_s: int) -> datetime:
    return datetime.fromtimestamp((int(now.timestamp()) // length_s + 1) * length_s, UTC)
