"""Expiry of old grams: what became available in a calendar year of Asia/Shanghai expires together, N years after that
year's end, first in first out.

Oldest first needs no record per gram: whatever came in after a year's end is spent last, so of the grams available now
those older than the end are what exceeds all that came in since. One number per person and year is kept: how much had
ever come in by its end. Spending, reversals and repayments take the oldest; holds count as holding the oldest.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.accounting.ledger import chart, history_repository, service
from services.accounting.ledger import expiry_repository as years
from services.accounting.ledger.domain import expired_code, last_valid_day, remaining_mg, start_of_year
from services.accounting.ledger.service import Posting
from shared import clock
from shared.db import Connection, Session, driver

# One run's locks are held for some ten milliseconds; at a run every two seconds two million people take an hour or so.
_PEOPLE_MAX = 1000


@dataclass(frozen=True, slots=True)
class ExpiryAnnouncement:
    """Milligrams that can be spent up to and including `expires_on` and expire after it."""

    year: int
    expires_on: date
    amount_mg: int


async def expire_grams(session: Session, *, valid_years: int, time_zone: str) -> int:
    """Timed job: one batch of closing a year that is over, or of expiring one; returns how many people it looked at.

    The day that counts is the one in which no transaction is open any more: nothing can still be posted into the year
    before. 0 years: grams do not expire.
    """
    if not valid_years:
        return 0
    settled = await history_repository.settled_before(await driver(session))
    today = clock.local_date(settled, time_zone)
    return await expire_as_of(session, today=today, valid_years=valid_years, time_zone=time_zone)


async def expire_as_of(session: Session, *, today: date, valid_years: int, time_zone: str) -> int:
    """`expire_grams` on a given day."""
    connection = await driver(session)
    if not await history_repository.try_lock(connection, "accounting.expire_grams"):
        return 0
    year, position = await _open_year(connection, today, time_zone)
    if year < today.year:
        return await _close(session, year, position, time_zone=time_zone)
    return await _expire(session, upto=today.year - valid_years - 1, today=today)


async def _open_year(connection: Connection, today: date, time_zone: str) -> tuple[int, uuid.UUID | None]:
    """The first year that is not closed, and the last account it is closed for."""
    period = await years.last_period(connection)
    if period is not None:
        return (period["year"] + 1, None) if period["closed"] else (period["year"], period["position"])
    first = await years.first_posted_at(connection)
    return (clock.local_date(first, time_zone).year if first else today.year), None


async def _close(session: Session, year: int, position: uuid.UUID | None, *, time_zone: str) -> int:
    """Notes for the next people what they had received by the year's end, if anything of it is left."""
    connection = await driver(session)
    people = await years.people_with_grams(connection, position, _PEOPLE_MAX)
    if people:
        await service.lock_people(connection, people)
        since_mg = await years.received_since(connection, people, start_of_year(year + 1, time_zone))
        received_mg = {}
        for account_id, now in (await years.grams_of(connection, people)).items():
            later_mg = since_mg.get(account_id, 0)
            if remaining_mg(now.available_mg + now.held_mg, later_mg):
                received_mg[account_id] = now.received_mg - later_mg
        await years.add_years(connection, year, received_mg)
    finished = len(people) < _PEOPLE_MAX
    await years.save_period(connection, year, people[-1] if people else position, closed=finished)
    return max(len(people), 1)  # closing an empty year still counts as progress


async def _expire(session: Session, *, upto: int, today: date) -> int:
    """Takes what is left of a year. What is held stays, and is looked at again every day until it is spent or back."""
    connection = await driver(session)
    due = await years.due_years(connection, upto=upto, today=today, limit=_PEOPLE_MAX)
    if not due:
        return 0
    year, people = due[0]["year"], [row["account_id"] for row in due]
    await service.lock_people(connection, people)
    grams_of = await years.grams_of(connection, people)
    expired_mg, done = {}, []
    for row in due:
        now = grams_of[row["account_id"]]
        later_mg = now.received_mg - row["received_mg"]
        # The owner of a frozen account could not have spent them: they wait until it is unfrozen.
        amount_mg = 0 if now.frozen else remaining_mg(now.available_mg, later_mg)
        if amount_mg:
            expired_mg[now.account_id] = amount_mg
        done.append(remaining_mg(now.available_mg + now.held_mg, later_mg) == amount_mg)
    await years.mark_checked(connection, year, people, done, today)
    if expired_mg:
        account, requested_by = chart.shared(expired_code(year)), f"accounting:expiry:{today}"
        movements = [
            Posting("expire", chart.person(account_id), account, amount_mg, requested_by)
            for account_id, amount_mg in expired_mg.items()
        ]
        await years.add_expired(connection, year, expired_mg)
        await service.post(connection, movements, locked=True)
    return len(due)


async def announced_expiries(
    session: Session, *, account_id: uuid.UUID, today: date, valid_years: int, time_zone: str
) -> list[ExpiryAnnouncement]:
    """When a person's available grams expire, earliest first. Their sum is what is available; held grams are not in it,
    and an expiry can only become smaller than announced, as long as nothing held comes back."""
    connection = await driver(session)
    if not valid_years:
        return []
    closed = {row["year"]: row["received_mg"] for row in await years.open_years(connection, account_id)}
    now = (await years.grams_of(connection, [account_id])).get(account_id)
    if now is None or not now.available_mg:
        return []
    later_mg = {year: now.received_mg - received_mg for year, received_mg in closed.items()}
    # Years that are over and not closed yet, for some hours after New Year: the same from the person's postings.
    first_open, _position = await _open_year(connection, today, time_zone)
    for year in range(first_open, today.year):
        since_mg = await years.received_since(connection, [account_id], start_of_year(year + 1, time_zone))
        later_mg[year] = since_mg.get(account_id, 0)
    return _by_year(now.available_mg, later_mg, today, valid_years)


def _by_year(available_mg: int, later_mg: Mapping[int, int], today: date, valid_years: int) -> list[ExpiryAnnouncement]:
    found, before_mg = [], 0
    for year in sorted(later_mg):
        upto_mg = remaining_mg(available_mg, later_mg[year])
        if upto_mg > before_mg:
            found.append(ExpiryAnnouncement(year, last_valid_day(year, valid_years), upto_mg - before_mg))
            before_mg = upto_mg
    if available_mg > before_mg:
        found.append(ExpiryAnnouncement(today.year, last_valid_day(today.year, valid_years), available_mg - before_mg))
    return found
