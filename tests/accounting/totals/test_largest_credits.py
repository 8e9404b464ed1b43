"""The operators' list of the largest credits of a day, and its alarm metric."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.accounting.totals import service as totals
from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY
from tests.tokens import TokenFactory

ZONE = "Asia/Shanghai"


async def rank(accounting: Accounting) -> None:
    async with accounting.database.transaction() as session:
        await totals.rank_credits(session, time_zone=ZONE)


async def largest(accounting: Accounting, **params: Any) -> dict[str, Any]:
    answer = await accounting.client.get(
        "/api/v1/accounting/ops/credits/largest", params=params, headers=accounting.tokens.operator("ops:read")
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def metric(span: str) -> float | None:
    return REGISTRY.get_sample_value("carbon_largest_credit_mg", {"span": span})


async def shift(admin: Any, to: datetime) -> None:
    """Move all postings and the mark of the ranking to one moment, so that they have settled."""
    await admin.execute("UPDATE accounting.posting SET posted_at = $1", to)


async def test_a14_the_largest_credits_of_a_day_are_listed_without_names(
    accounting: Accounting, admin: Any, tokens: TokenFactory
) -> None:
    anna, bert = await accounting.citizen(), await accounting.citizen()
    await accounting.post(
        anna.bus(), anna.metro(), bert.bus(YESTERDAY + timedelta(hours=9)), anna.car(distance_m=9_000)
    )
    # The hour before last of the same local day, or of yesterday after midnight.
    hour = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    await shift(admin, hour + timedelta(minutes=20))
    await admin.execute("INSERT INTO accounting.largest_credit_state (ranked_before) VALUES ($1)", hour)
    await rank(accounting)
    await rank(accounting)  # nothing twice
    day = str(clock.local_date(hour, ZONE))
    found = await largest(accounting, day=day)
    amounts = [item["amount_mg"] for item in found["items"]]
    assert len(amounts) == 4
    assert amounts == sorted(amounts, reverse=True)
    first = found["items"][0]
    assert first["account_id"] == str(anna.account_id)
    assert set(first) == {"at", "account_id", "amount_mg", "display", "acts", "activity_id"}
    assert len((await largest(accounting, day=day, limit=1))["items"]) == 1

    sums = (await largest(accounting, day=day, span="hour"))["items"]
    assert [(item["account_id"], item["acts"]) for item in sums] == [
        (str(anna.account_id), 3),
        (str(bert.account_id), 1),
    ]
    assert sums[0]["amount_mg"] + sums[1]["amount_mg"] == sum(amounts)
    if day == str(clock.local_date(clock.now(), ZONE)):
        assert (metric("credit"), metric("hour")) == (amounts[0], sums[0]["amount_mg"])

    refused = await accounting.client.get(
        "/api/v1/accounting/ops/credits/largest", headers=tokens.operator("ops:partners")
    )
    assert refused.status_code == 403


async def test_a14_only_the_largest_of_a_day_are_kept(
    accounting: Accounting, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "LARGEST_KEPT", 2)
    anna = await accounting.citizen()
    hour = datetime(2026, 3, 1, 4, tzinfo=UTC)
    monkeypatch.setattr(totals, "_LARGEST_DAYS", timedelta(days=4000))
    await admin.execute("INSERT INTO accounting.largest_credit_state (ranked_before) VALUES ($1)", hour)
    await accounting.post(anna.car(), anna.bus(), anna.metro())
    await shift(admin, hour + timedelta(minutes=1))
    await rank(accounting)
    posted = await admin.fetch("SELECT amount_mg FROM accounting.posting WHERE kind = 'credit' ORDER BY 1 DESC")
    assert len(posted) == 3
    items = (await largest(accounting, day="2026-03-01"))["items"]
    assert [item["amount_mg"] for item in items] == [row["amount_mg"] for row in posted[:2]]


async def test_a14_an_empty_day_has_no_largest_credit(accounting: Accounting) -> None:
    await rank(accounting)
    found = await largest(accounting)
    assert (found["items"], found["day"]) == ([], str(clock.local_date(clock.now(), ZONE)))
    assert (metric("credit"), metric("hour")) == (0, 0)
