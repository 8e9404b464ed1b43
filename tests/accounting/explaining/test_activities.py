"""Activities over HTTP: lists, explanations in two languages, summaries."""

from datetime import timedelta
from typing import Any

from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY


async def test_a_credited_and_a_refused_trip_are_explained_in_both_languages(accounting: Accounting) -> None:
    person = await accounting.citizen()
    start = YESTERDAY + timedelta(hours=8)
    await accounting.post(person.car(start), person.car(start + timedelta(hours=2), distance_m=90_000))
    page: Any = await accounting.get(person, "/me/activities")
    refused, credited = page["items"]
    assert (credited["amount_mg"], credited["display"], credited["methodology"]["code"]) == (
        210_000,
        "210 克",
        "WH-APP-EV",
    )
    assert (refused["status"], refused["amount_mg"], refused["reason_code"]) == ("refused", 0, "IMPLAUSIBLE_SPEED")
    why: Any = await accounting.get(person, f"/me/activities/{credited['activity_id']}")
    explanation = why["explanation"]
    assert "210" in explanation["formula"]["zh"] + str(explanation["steps"])
    assert explanation["factors"][0]["source_status"] == "published_app_value"
    assert explanation["caps"][0]["limit"] == 2
    assert len(why["raw_event_sha256"]) == 64
    why_not: Any = await accounting.get(person, f"/me/activities/{refused['activity_id']}", **{"Accept-Language": "en"})
    sentence = why_not["explanation"]["reason"]
    assert "速度" in sentence["zh"] or "时速" in sentence["zh"]
    assert why_not["reason"] == sentence["en"]
    assert "speed" in sentence["en"] or "km/h" in sentence["en"]


async def test_another_citizens_activity_is_not_found(accounting: Accounting) -> None:
    person, stranger = await accounting.citizen(), await accounting.citizen()
    await accounting.post(person.bus())
    page: Any = await accounting.get(person, "/me/activities")
    answer = await accounting.client.get(
        f"/api/v1/accounting/me/activities/{page['items'][0]['activity_id']}",
        headers=accounting.tokens.citizen(stranger.user_id),
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["title"]) == (
        404,
        "ACTIVITY_NOT_FOUND",
        "没有这条减碳记录",
    )


async def test_pages_of_activities_have_no_gaps(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(*(person.bus(YESTERDAY - timedelta(days=n)) for n in range(25)))
    seen: list[str] = []
    cursor = ""
    while True:
        page: Any = await accounting.get(person, f"/me/activities?limit=10{cursor}")
        seen += [item["occurred_at"] for item in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 25
    assert seen == sorted(seen, reverse=True)
    for path in ("/me/activities?cursor=abc", "/me/entries?cursor=W10", "/me/activities?limit=0"):
        answer = await accounting.client.get(
            f"/api/v1/accounting{path}", headers=accounting.tokens.citizen(person.user_id)
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


async def test_summary_counts_local_days_and_months(accounting: Accounting) -> None:
    person = await accounting.citizen()
    midnight = YESTERDAY
    await accounting.post(person.bus(midnight - timedelta(minutes=5)), person.bus(midnight + timedelta(minutes=30)))
    by_day: Any = await accounting.get(person, "/me/summary?by=day")
    assert [(p["key"], p["amount_mg"]) for p in by_day["items"]] == [
        ((midnight - timedelta(days=1)).date().isoformat(), 150_000),
        (midnight.date().isoformat(), 150_000),
    ]
    by_scene: Any = await accounting.get(person, "/me/summary?by=scene")
    assert [(p["key"], p["acts"]) for p in by_scene["items"]] == [("bus", 2)]
    assert by_scene["total_mg"] == 300_000
