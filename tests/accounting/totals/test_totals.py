"""Totals of the city over HTTP, and the job that counts acts by scene."""

from typing import Any

import pytest

from services.accounting.totals import service as totals
from tests.accounting.driver import Accounting
from tests.accounting.reports import cancel


async def stats_of(accounting: Accounting) -> Any:
    answer = await accounting.client.get("/api/v1/accounting/public/stats")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_acts_are_counted_by_scene_once_they_have_settled(
    accounting: Accounting, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def settle_and_count() -> dict[str, int]:
        """Make postings after the mark older than a second, so that they have settled. Then count."""
        await admin.execute(
            "UPDATE accounting.posting SET posted_at = posted_at - interval '2 seconds' WHERE posted_at >="
            " coalesce((SELECT counted_before FROM accounting.credit_count_state), '-infinity')"
        )
        await admin.execute("UPDATE accounting.credit_count_state SET counted_before = counted_before - interval '4 s'")
        for _run in range(3):
            async with accounting.database.transaction() as session:
                await totals.count_credits(session)
        stats = await stats_of(accounting)
        return {scene["scene"]: scene["acts"] for scene in stats["scenes"]}

    assert (await stats_of(accounting))["counted_before"] is None
    first, second = await accounting.citizen(), await accounting.citizen()
    ride = first.bus()
    await accounting.post(ride, first.metro(), second.bus())
    await admin.execute("UPDATE accounting.posting SET posted_at = posted_at - interval '3 days' WHERE kind = 'credit'")
    assert await settle_and_count() == {"bus": 2, "metro": 1}
    monkeypatch.setattr(totals, "_COUNT_SLICES_MAX", 1)
    assert await settle_and_count() == {"bus": 2, "metro": 1}  # nothing is counted twice
    await accounting.post(cancel(first, ride))
    await accounting.release()
    monkeypatch.setattr(totals, "_COUNT_SLICES_MAX", 100)
    assert await settle_and_count() == {"bus": 1, "metro": 1}


async def test_city_totals_follow_credits_and_reversals(accounting: Accounting) -> None:
    first, second = await accounting.citizen(), await accounting.citizen()
    ride = first.bus()
    await accounting.post(ride, first.metro(), second.bus())
    stats = await stats_of(accounting)
    amounts = {scene["scene"]: scene["amount_mg"] for scene in stats["scenes"]}
    assert (stats["acts"], stats["amount_mg"]) == (3, sum(amounts.values()))
    assert amounts["bus"] == 2 * 150_000
    await accounting.post(cancel(first, ride))
    await accounting.release()
    after = await stats_of(accounting)
    assert (after["acts"], after["amount_mg"]) == (2, stats["amount_mg"] - 150_000)
