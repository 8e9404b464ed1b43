"""Use cases of totals: what the whole city has saved, and the job that counts credited acts after posting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, get_args

from services.accounting.ledger import history
from services.accounting.ledger import service as ledger
from services.accounting.ledger.chart import issuance_code, system_account_id
from services.accounting.methodologies import service as methodologies
from services.accounting.posting import history as acts_history
from services.accounting.totals import repository
from shared import clock, telemetry
from shared.db import Session, driver

# A peak hour of a city has about a million postings, counted in a second. A run ends after _COUNT_MAX acts.
_COUNT_SLICE = timedelta(hours=1)
_COUNT_SLICES_MAX = 48
_COUNT_MAX = 500_000
# Of each local day and span. Older days are deleted after a quarter.
LARGEST_KEPT: Final = 100
_LARGEST_DAYS: Final = timedelta(days=92)
_HOUR: Final = timedelta(hours=1)
Span = Literal["credit", "hour"]
_EARNING = frozenset({"credited", "pending"})


@dataclass(frozen=True, slots=True)
class SceneTotal:
    scene: str
    title: Any
    acts: int
    amount_mg: int


@dataclass(frozen=True, slots=True)
class CityTotals:
    acts: int
    amount_mg: int
    counted_before: datetime | None
    scenes: list[SceneTotal]


async def count_credits(session: Session) -> None:
    """Count acts by issuance account from settled postings, outside the posting path. Timed job.

    It begins with the first posting. It skips up to 48 hours without postings in one run.
    """
    if not await history.try_lock(session, name="accounting.count_credits"):
        return
    connection = await driver(session)
    settled = await history.settled_before(session)
    begin = await repository.counted_before(connection) or await history.first_posted_at(session)
    found = 0
    for _slice in range(_COUNT_SLICES_MAX):
        if begin is None or begin >= settled or found >= _COUNT_MAX:
            return
        end = min(settled, begin + _COUNT_SLICE)
        acts, seen = await history.acts_between(session, begin=begin, end=end)
        await repository.add_counts(connection, acts, end)
        found += seen
        begin = end


async def credited_acts(session: Session, *, codes: Sequence[str]) -> tuple[dict[str, int], datetime | None]:
    """Return credited minus reversed acts of each methodology, and the time up to which they are counted."""
    connection = await driver(session)
    ids = {system_account_id(issuance_code(code)): code for code in codes}
    counts = await repository.credit_counts(connection, list(ids))
    return {ids[account_id]: acts for account_id, acts in counts.items()}, await repository.counted_before(connection)


async def city_totals(session: Session) -> CityTotals:
    """Return the totals of the whole city, minus reversals.

    Acts come from the tallies, grams per scene from the issuance accounts, acts per scene from counted postings.
    """
    tallies = [
        row for row in await acts_history.intake_totals(session, day=None, partner_id=None) if row.status in _EARNING
    ]
    published = {version.document.code: version.document for version in await methodologies.list_published(session)}
    counts, counted_before = await credited_acts(session, codes=list(published))
    scenes: dict[str, SceneTotal] = {}
    for code, amount_mg in (await ledger.issued_mg(session, codes=list(published))).items():
        document = published[code]
        before = scenes.get(document.scene)
        total_mg = amount_mg + (before.amount_mg if before else 0)
        acts = counts.get(code, 0) + (before.acts if before else 0)
        scenes[document.scene] = SceneTotal(document.scene, document.title, acts, total_mg)
    ordered = sorted(scenes.values(), key=lambda scene: (-scene.amount_mg, scene.scene))
    return CityTotals(
        acts=sum(int(row.events) for row in tallies),
        amount_mg=sum(scene.amount_mg for scene in ordered),
        counted_before=counted_before,
        scenes=ordered,
    )


async def rank_credits(session: Session, *, time_zone: str) -> None:
    """Keep the largest credits of each day, and the largest sums of an account in an hour. Timed job.

    It reads settled postings in slices that end at full hours, beginning with the hour of its first run, and sets the
    alarm metric of the current day.
    """
    connection = await driver(session)
    if await history.try_lock(session, name="accounting.rank_credits"):
        settled = await history.settled_before(session)
        begin = await repository.ranked_before(connection) or _full_hour(settled)
        for _slice in range(_COUNT_SLICES_MAX):
            if begin >= settled:
                break
            end = min(settled, _full_hour(begin) + _HOUR)
            await _rank_slice(session, begin, end, clock.local_date(begin, time_zone))
            begin = end
        await repository.move_rank(connection, begin)
    today = clock.local_date(clock.now(), time_zone)
    await repository.delete_largest_before(connection, today - _LARGEST_DAYS)
    for span in get_args(Span):
        top = await repository.largest(connection, today, span, 1)
        telemetry.LARGEST_CREDIT_MG.labels(span).set(top[0]["amount_mg"] if top else 0)


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


async def _rank_slice(session: Session, begin: datetime, end: datetime, day: date) -> None:
    connection = await driver(session)
    found = await history.largest_credits(session, begin=begin, end=end, limit=LARGEST_KEPT)
    if found:
        await repository.add_largest(connection, day, "credit", found, LARGEST_KEPT)
    if end == _full_hour(end):
        sums = await history.largest_receivers(session, begin=end - _HOUR, end=end, limit=LARGEST_KEPT)
        if sums:
            await repository.add_largest(connection, day, "hour", sums, LARGEST_KEPT)


async def largest_credits(
    session: Session, *, day: date, span: Span, limit: int
) -> tuple[Sequence[Any], datetime | None]:
    """Return the largest credits of a local day, and the moment up to which they are ranked."""
    connection = await driver(session)
    rows = await repository.largest(connection, day, span, limit)
    return rows, await repository.ranked_before(connection)
