"""The messages of an evening: grams that arrived since the evening before, and grams about to expire.

Accounting is asked only about people who asked for the message, a page at a time. A run is a row with the position
that it has reached, so that the next process goes on where one stopped. A page that is done twice queues nothing twice:
the key of a message is the day.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from services.accounts.grams.client import GramsReader, GramsUnknown
from services.accounts.messages import repository, service
from services.accounts.messages.domain import Value
from services.accounts.messages.templates import MessageKind
from services.accounts.settings import Settings
from shared import clock
from shared.amounts import display
from shared.contracts.arrivals import ACCOUNTS_PER_PAGE_MAX
from shared.contracts.identity import person_account_id
from shared.db import Database

# Not later than this after the evening began: nobody wants a message at night.
EVENING_LASTS: Final = timedelta(hours=3)
# Grams expire at the end of a year. Who is told a month before can still use them.
EXPIRING_WITHIN: Final = timedelta(days=30)
_CLAIM_FOR: Final = timedelta(seconds=60)
_PAGES_PER_TICK: Final = 50

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Evening:
    """`since` and `until` are the two evenings, so that each gram is in one message."""

    day: date
    since: datetime
    until: datetime


def present_evening(now: datetime, *, settings: Settings) -> Evening | None:
    """Return the evening that it is now, None at any other time of the day."""
    zone = ZoneInfo(settings.time_zone)
    day = now.astimezone(zone).date()
    until = datetime.combine(day, settings.messages_evening_at, zone)
    if not until <= now < until + EVENING_LASTS:
        return None
    return Evening(day, datetime.combine(day - timedelta(days=1), settings.messages_evening_at, zone), until)


class EveningMessages:
    """A job of the worker. Several processes may run it: a claim lets one of them work on a run."""

    def __init__(self, database: Database, *, settings: Settings, grams: GramsReader) -> None:
        self._database, self._settings, self._grams = database, settings, grams

    async def tick(self) -> None:
        """Go on with the runs of this evening. Stops early while accounting does not answer."""
        evening = present_evening(clock.now(), settings=self._settings)
        if evening is None:
            return
        for kind in (MessageKind.CREDITED_TODAY, MessageKind.EXPIRING):
            await self._go_on(kind, evening)

    async def _go_on(self, kind: MessageKind, evening: Evening) -> None:
        for _ in range(_PAGES_PER_TICK):
            now = clock.now()
            async with self._database.transaction() as session:
                after = await repository.claim_run(session, kind=kind, day=evening.day, now=now, until=now + _CLAIM_FOR)
                if after is None:
                    return
                people = await service.users_asking(session, kind=kind, after=after, at_most=ACCOUNTS_PER_PAGE_MAX)
            try:
                await self._queue_page(kind, evening, people)
            except GramsUnknown:
                return  # the claim runs out, and the page is tried again
            async with self._database.transaction() as session:
                done = len(people) < ACCOUNTS_PER_PAGE_MAX
                position = people[-1] if people else after
                await repository.advance_run(
                    session, kind=kind, day=evening.day, position=position, at=clock.now(), finished=done
                )
            if done:
                _log.info("evening_messages_queued", kind=kind, day=evening.day.isoformat())
                return

    async def _queue_page(self, kind: MessageKind, evening: Evening, people: Sequence[uuid.UUID]) -> None:
        """Ask accounting about a page of people, then queue their messages. Raises GramsUnknown."""
        if not people:
            return
        owners = {person_account_id(user_id): user_id for user_id in people}
        if kind is MessageKind.CREDITED_TODAY:
            arrived = await self._grams.arrivals(list(owners), since=evening.since, until=evening.until)
            messages: list[tuple[uuid.UUID, str, dict[str, Value]]] = [
                (
                    owners[one.account_id],
                    evening.day.isoformat(),
                    {"amount_mg": one.amount_mg, "acts": one.acts, "day": evening.day},
                )
                for one in arrived
                if one.account_id in owners
            ]
        else:
            expiring = await self._grams.expiring(list(owners), upto=evening.day + EXPIRING_WITHIN)
            messages = [
                (
                    owners[one.account_id],
                    f"grams:{one.expires_on.isoformat()}",
                    {"what": f"减碳量 {display(one.amount_mg)}", "on": one.expires_on},
                )
                for one in expiring
                if one.account_id in owners
            ]
        async with self._database.transaction() as session:
            for user_id, key, values in sorted(messages, key=lambda one: one[0]):
                await service.queue(session, user_id=user_id, kind=kind, key=key, values=values)
