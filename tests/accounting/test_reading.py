"""What citizens and auditors read: lists, explanations in two languages, summaries, allowances, the public library."""

import uuid
from datetime import timedelta
from typing import Any

from tests.accounting.conftest import Accounting
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
    told = why["explanation"]
    assert "210" in told["formula"]["zh"] + str(told["steps"])
    assert told["factors"][0]["source_status"] == "published_app_value"
    assert told["caps"][0]["limit"] == 2
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


async def test_pages_follow_each_other_without_gaps(accounting: Accounting) -> None:
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


async def test_allowances_tell_what_is_left(accounting: Accounting) -> None:
    person = await accounting.citizen()
    allowances: Any = await accounting.get(person, "/me/allowances")
    scenes = {item["scene"]: item for item in allowances["items"]}
    assert set(scenes) == {"bus", "metro", "ev_ride", "bike", "own_bag", "recycling", "power_saving"}
    assert [(c["period"], c["limit"], c["left"]) for c in scenes["bus"]["caps"]] == [("day", 2, 2)]
    assert scenes["power_saving"]["caps"] == []


async def test_the_library_is_public_and_complete(accounting: Accounting) -> None:
    listing = (await accounting.client.get("/api/v1/accounting/methodologies?state=in_force")).json()
    assert len(listing["items"]) == 7
    assert {item["source_status"] for item in listing["items"]} == {"published_app_value"}
    assert {item["effective_from"] for item in listing["items"]} == {"2023-06-01"}
    bus = next(item for item in listing["items"] if item["scene"] == "bus")
    detail = (await accounting.client.get(f"/api/v1/accounting/methodologies/{bus['code']}/versions/1")).json()
    assert detail["sha256"] == bus["sha256"]
    assert detail["document"]["examples"]
    factors = (await accounting.client.get("/api/v1/accounting/factors")).json()["items"]
    assert len(factors) >= 7
    missing = await accounting.client.get(f"/api/v1/accounting/methodologies/NO-{uuid.uuid4()}/versions/1")
    assert missing.status_code == 404


async def test_strangers_and_citizens_are_kept_out_of_operators_routes(accounting: Accounting) -> None:
    person = await accounting.citizen()
    path = "/api/v1/accounting/ops/ledger/check"
    assert (await accounting.client.get(path)).status_code == 401
    as_citizen = await accounting.client.get(path, headers=accounting.tokens.citizen(person.user_id))
    assert (as_citizen.status_code, as_citizen.json()["code"]) == (403, "FORBIDDEN")
    wrong_scope = await accounting.client.get(path, headers=accounting.tokens.operator("ops:read"))
    assert wrong_scope.status_code == 403


async def test_health_metrics_and_documents_answer(accounting: Accounting) -> None:
    assert (await accounting.client.get("/healthz")).json()["status"] == "ok"
    assert (await accounting.client.get("/readyz")).json()["ready"] is True
    assert "carbon_http_seconds" in (await accounting.client.get("/metrics")).text
    document = (await accounting.client.get("/api/v1/accounting/openapi.json")).json()
    assert all(operation.get("summary") for path in document["paths"].values() for operation in path.values())
