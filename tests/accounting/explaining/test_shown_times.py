"""C13 and C14 over HTTP: times and units of an explained activity."""

from datetime import timedelta
from typing import Any

from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY
from tests.answer_times import times_of, wrong_times_of


async def test_c13_an_activity_has_one_kind_of_times(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(person.car(YESTERDAY + timedelta(hours=8)))
    page: Any = await accounting.get(person, "/me/activities")
    headers = accounting.tokens.citizen(person.user_id)
    one = await accounting.client.get(
        f"/api/v1/accounting/me/activities/{page['items'][0]['activity_id']}", headers=headers
    )
    assert len(times_of(one)) >= 4
    assert wrong_times_of(one) == []
    entries = await accounting.client.get("/api/v1/accounting/me/entries", headers=headers)
    assert len(times_of(entries)) == 1
    assert wrong_times_of(entries) == []


async def test_c14_one_amount_has_one_unit_everywhere(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(person.recycling(YESTERDAY + timedelta(hours=8), weight_g=20_000))
    page: Any = await accounting.get(person, "/me/activities")
    item = page["items"][0]
    why: Any = await accounting.get(person, f"/me/activities/{item['activity_id']}")
    number = item["display"].split()[0]
    assert item["amount_mg"] >= 1_000_000
    assert item["reason"] == f"累计 {item['display']}。"
    assert any(number in line["zh"] and "千克" in line["zh"] for line in why["explanation"]["steps"])
