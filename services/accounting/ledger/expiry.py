"""Expiry of old grams, first in, first out.

Grams that became available in one calendar year of Asia/Shanghai expire together, N years after the end of that year.
No record per gram is needed. Grams received after the end of a year are spent last. So the grams left of that year and
earlier ones are `available - received since its end`, if positive. One number per person and year is stored: the total
received by the end of the year. Spending, reversals and repayments take the oldest grams. Held grams count as oldest.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.accounting.ledger import chart, service
from services.accounting.ledger import expiry_repository as years
from services.accounting.ledger.domain import expired_code, last_valid_day, remaining_mg, start_of_year
from services.accounting.ledger.service import Posting
from shared import clock
from shared.db import Connection, Session, driver
from shared.seals import closing

# One run holds its locks for some ten milliseconds. At a run every two seconds, two million people take about an hour.
_PEOPLE_MAX = 1000


@dataclass(frozen=True, slots=True)
class ExpiryAnnouncement:
    """Milligrams that can be spent up to and including `expires_on` and expire after it."""

    year: int
    expires_on: date
    amount_mg: int


async def expire_grams(session: Session, *, valid_years: int, time_zone: str) -> int:
    """Process one batch: close a year that is over, or expire a year. Return the number of people. Timed job.

    "Today" is the day before which no transaction is open, so nothing can still be posted into the closed year.
    With 0 years, grams do not expire.
    """
    if not valid_years:
        return 0
    settled = await closing.settled_before(await driver(session))
    today = clock.local_date(settled, time_zone)
    return await expire_as_of(session, today=today, valid_years=valid_years, time_zone=time_zone)


async def expire_as_of(session: Session, *, today: date, valid_years: int, time_zone: str) -> int:
    """Do the work of `expire_grams` for a given day."""
    connection = await driver(session)
    if not await closing.try_lock(connection, "accounting.expire_grams"):
        return 0
    year, position = await _open_year(connection, today, time_zone)
    if year < today.year:
        return await _close(session, year, position, time_zone=time_zone)
    return await _expire(session, upto=today.year - valid_years - 1, today=today)


async def _open_year(connection: Connection, today: date, time_zone: str) -> tuple[int, uuid.UUID | None]:
    """Return the first year that is not closed, and the last account that is done for it."""
    period = await years.last_period(connection)
    if period is not None:
        return (period["year"] + 1, None) if period["closed"] else (period["year"], period["position"])
    first = await years.first_posted_at(connection)
    return (clock.local_date(first, time_zone).year if first else today.year), None


async def _close(session: Session, year: int, position: uuid.UUID | None, *, time_zone: str) -> int:
    """Store the received total of the next people at the end of the year, if some of it is left."""
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
    """Expire the rest of a year.

    Held grams stay. They are checked again every day until they are spent or given back.
    """
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
        # The owner of a frozen account cannot spend grams, so they do not expire before it is unfrozen.
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
    """Return when the available grams of a person expire, earliest first. The amounts add up to the available grams.

    Held grams are not included. Unless held grams are given back, an amount can only become smaller.
    """
    connection = await driver(session)
    if not valid_years:
        return []
    closed = {row["year"]: row["received_mg"] for row in await years.open_years(connection, account_id)}
    now = (await years.grams_of(connection, [account_id])).get(account_id)
    if now is None or not now.available_mg:
        return []
    later_mg = {year: now.received_mg - received_mg for year, received_mg in closed.items()}
    # For some hours after New Year the last year is over but not closed. Its number comes from the postings.
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
