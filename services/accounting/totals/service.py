"""Use cases of totals: what the whole city has saved, and the job that counts credited acts after posting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.accounting.ledger import history
from services.accounting.ledger import service as ledger
from services.accounting.ledger.chart import issuance_code, system_account_id
from services.accounting.methodologies import service as methodologies
from services.accounting.posting import history as acts_history
from services.accounting.totals import repository
from shared.db import Session, driver

# A peak hour of a city has about a million postings, counted in a second. A run ends after _COUNT_MAX acts.
_COUNT_SLICE = timedelta(hours=1)
_COUNT_SLICES_MAX = 48
_COUNT_MAX = 500_000
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
