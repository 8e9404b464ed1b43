"""Timed jobs: tell people that a consent ends unless they renew it, and record consents that are over."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from services.accounts.bindings.following import follow_consents
from services.accounts.consents import service as consents
from services.accounts.consents.domain import stops_bindings
from services.accounts.messages import service as messages
from services.accounts.messages.service import MessageKind
from services.accounts.sentences.names import PARTNER_SHARING, PURPOSES
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared.db import Session

# A hundred people a second: six million know within a day, and a text is published two weeks before consents end.
PEOPLE_A_RUN_MAX = 200
RUN_EVERY_S = 2.0

_log = structlog.get_logger(__name__)


async def announce_ends(session: Session, *, settings: Settings) -> int:
    """Store the end of consents to replaced texts, publish it with the bindings, and warn their people.

    The projections of other services then know the end in advance, so nothing has to run at that second.
    Return the number of people. Locked people are left to the next run.
    """
    found = 0
    for user_id in await consents.users_to_warn(session, at_most=PEOPLE_A_RUN_MAX):
        if not await users.try_lock_user(session, user_id=user_id):
            continue
        found += 1
        ends = await consents.announce_ends(session, settings=settings, user_id=user_id)
        if any(stops_bindings(purpose) for purpose, _ in ends):
            await follow_consents(session, settings=settings, user_id=user_id)
        for purpose, ends_at in ends:
            await _warn(session, settings, user_id=user_id, purpose=purpose, ends_at=ends_at)
    if found:
        _log.info("consent_ends_announced", people=found)
    return found


async def record_expired(session: Session) -> None:
    """Record consents whose end has passed. Their acts stopped counting at that moment without this job."""
    for user_id in await consents.users_past_end(session, at_most=PEOPLE_A_RUN_MAX):
        if await users.try_lock_user(session, user_id=user_id):
            await consents.record_expired(session, user_id=user_id)


async def _warn(session: Session, settings: Settings, *, user_id: uuid.UUID, purpose: str, ends_at: datetime) -> None:
    """Queue the message for people who asked for it."""
    title = PURPOSES.get(purpose, PARTNER_SHARING)
    day = ends_at.astimezone(ZoneInfo(settings.time_zone)).date()
    await messages.queue(
        session,
        user_id=user_id,
        kind=MessageKind.CONSENT_EXPIRING,
        key=f"{purpose}:{day}",
        values={"what": title.zh, "on": day},
    )
