"""Reconciliation over HTTP: equal trips agree, and exactly the planted differences are found."""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from deploy.demo.events import SHANGHAI, Trip, read_trips
from services.ingest import event_types
from tests.ingest.conftest import Judge, Settle
from tests.ingest.files import CSV, IMPORTS, TRIPS, csv_file, finished, imported, packed, row, upload_in_parts
from tests.ingest.samples import PartnerClient, event, receipt, revision, status
from tests.tokens import TokenFactory

pytestmark = pytest.mark.usefixtures("worker")

DAY = "2020-01-20"
PLACE = "/api/v1/ingest/reconciliation"
OPS = "/api/v1/ingest/ops/reconciliation"
COLUMNS = (
    "id,account_ref.type,account_ref.value,trip_id,vehicle_type,start_time,end_time,distance,"
    "start_location.lat,start_location.lng,end_location.lat,end_location.lng,city_code"
)


def line_of(trip: Trip, *, name: str = "trip", distance_m: int | None = None, account: str = "A") -> str:
    start, end = (moment.replace(tzinfo=SHANGHAI).isoformat() for moment in (trip.started_at, trip.ended_at))
    places = f"{trip.start[1]},{trip.start[0]},{trip.end[1]},{trip.end[0]}"
    metres = trip.distance_m if distance_m is None else distance_m
    identity = f"{name}-{trip.trip_id},account_no,{account}{trip.trip_id},{trip.trip_id},car"
    return f"{identity},{start},{end},{metres},{places},420100"


async def compared(client: PartnerClient, body: bytes, day: str, **headers: str) -> dict[str, Any]:
    answer = await client.send(
        "POST", f"{PLACE}?date={day}&event_type=trip.completed", body, headers={**CSV, **headers}
    )
    assert answer.status_code == 202, answer.text
    done = await finished(client, answer.json()["import_id"])
    assert (done["status"], done["progress"]["rejected"]) == ("done", 0), done
    report = (await client.get(f"{PLACE}/reports/{done['import_id']}")).json()
    return dict(report)


async def all_differences(client: PartnerClient, report_id: str, kind: str = "") -> list[dict[str, Any]]:
    """Page by page."""
    found: list[dict[str, Any]] = []
    query = f"limit=3&kind={kind}" if kind else "limit=3"
    cursor = ""
    while True:
        page = (await client.get(f"{PLACE}/reports/{report_id}/differences?{query}{cursor}")).json()
        found += page["items"]
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def ids(found: Iterable[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in found}


async def test_equal_trips_agree_and_every_planted_difference_is_found(
    bike: PartnerClient, settle: Settle, api: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    trips = read_trips()
    whole = packed(csv_file(map(line_of, trips), COLUMNS))
    done = await imported(bike, whole, IMPORTS + TRIPS, **{"Content-Encoding": "gzip"})
    assert (done["status"], done["progress"]["accepted"]) == ("done", 5074)

    async def archived() -> bool:
        answer = await bike.get(f"{PLACE}?date={DAY}")
        return bool(answer.json()["ours"]["events"] == len(trips))

    await settle(archived)
    equal = await compared(bike, whole, DAY, **{"Content-Encoding": "gzip"})
    metres = sum(trip.distance_m for trip in trips)
    assert equal["equal"] is True
    assert equal["differences"] == {"only_theirs": 0, "only_ours": 0, "differing": 0, "doubled": 0}
    assert (equal["ours"]["events"], equal["ours"]["distance_m"]) == (5074, metres)
    assert (equal["theirs"]["events"], equal["theirs"]["lines"], equal["theirs"]["distance_m"]) == (5074, 5074, metres)
    assert equal["ours"]["by_status"]["received"]["events"] == 5074
    assert await all_differences(bike, equal["report_id"]) == []

    dropped, doubled, longer, other_person = trips[10:17], trips[100:104], trips[200:205], trips[300:302]
    planted = [line_of(trip) for trip in trips if trip not in {*dropped, *longer, *other_person}]
    planted += [line_of(trip) for trip in doubled]
    planted += [line_of(trip, distance_m=trip.distance_m + 1) for trip in longer]
    planted += [line_of(trip, account="B") for trip in other_person]
    planted += [line_of(trip, name="unknown") for trip in trips[:3]]
    report = await compared(bike, packed(csv_file(planted, COLUMNS)), DAY, **{"Content-Encoding": "gzip"})
    assert report["equal"] is False
    assert report["differences"] == {"only_theirs": 3, "only_ours": 7, "differing": 7, "doubled": 4}
    found = await all_differences(bike, report["report_id"])
    assert len(found) == 21
    by_kind = {kind: ids(one for one in found if one["kind"] == kind) for kind in report["differences"]}
    assert by_kind == {
        "only_theirs": {f"unknown-{trip.trip_id}" for trip in trips[:3]},
        "only_ours": {f"trip-{trip.trip_id}" for trip in dropped},
        "differing": {f"trip-{trip.trip_id}" for trip in (*longer, *other_person)},
        "doubled": {f"trip-{trip.trip_id}" for trip in doubled},
    }
    fields = {one["id"]: one["fields"] for one in await all_differences(bike, report["report_id"], "differing")}
    assert fields == {
        **{f"trip-{trip.trip_id}": ["distance"] for trip in longer},
        **{f"trip-{trip.trip_id}": ["account_ref"] for trip in other_person},
    }
    lines = {one["line"] for one in found if one["kind"] == "doubled"}
    first = planted.index(line_of(doubled[0]), 1000) + 2
    assert lines == set(range(first, first + 4))

    day = (await api.get(f"{OPS}?date={DAY}", headers=tokens.operator())).json()
    assert [one["partner_id"] for one in day["partners"]] == ["bike"]
    assert [one["report_id"] for one in day["reports"]] == [report["report_id"], equal["report_id"]]
    seen = await api.get(f"{OPS}/reports/{report['report_id']}/differences?limit=100", headers=tokens.operator())
    assert len(seen.json()["items"]) == 21


async def test_the_day_of_an_event_is_that_of_the_act_in_shanghai_and_cancellations_have_none(
    bike: PartnerClient, settle: Settle
) -> None:
    times = {"start_time": "2026-10-01T15:50:00Z", "end_time": "2026-10-01T16:10:00Z"}  # 23:50 in Shanghai
    await bike.push(
        event("night-1", trip_id="night-1", **times),
        event("night-2", trip_id="night-2", start_time="2026-10-01T16:00:00Z", end_time="2026-10-01T16:10:00Z"),
        event("night-bag", event_types.BAG, occurred_at="2026-10-02T08:10:00+08:00", count=3),
        revision("night-cancel", event_types.CANCELLED, "night-2"),
    )

    async def archived() -> bool:
        return all([(await status(bike, f"night-{one}")).status_code == 200 for one in ("1", "2", "bag", "cancel")])

    await settle(archived)
    first, second = [(await bike.get(f"{PLACE}?date=2026-10-0{day}")).json()["ours"] for day in (1, 2)]
    assert (first["events"], second["events"], second["pieces"]) == (1, 2, 3)
    assert set(second["by_kind"]) == {"trip", "bag"}


async def test_the_sums_of_a_day_follow_the_verdicts_and_leave_out_copies(
    bike: PartnerClient, judge: Judge, settle: Settle
) -> None:
    times = {"start_time": "2026-09-01T08:00:00+08:00", "end_time": "2026-09-01T08:20:00+08:00"}
    first = (await bike.push(event("sum-a", trip_id="sum-a", **times)))["receipt_id"]
    again = (await bike.push(event("sum-a", trip_id="sum-a", **times)))["receipt_id"]
    await judge.publish(first, 0, "sum-a", "credited", amount_mg=170_000)
    await judge.publish(again, 0, "sum-a", "duplicate")

    async def settled() -> bool:
        return all([(await receipt(bike, one))["settled"] for one in (first, again)])

    await settle(settled)
    ours = (await bike.get(f"{PLACE}?date=2026-09-01")).json()["ours"]
    assert (ours["events"], ours["amount_mg"]) == (1, 170_000)
    assert ours["by_status"]["credited"]["distance_m"] == 2360
    line = row("sum-a", day="2026-09-01").replace("08:10", "08:00").replace("08:30", "08:20")
    assert (await compared(bike, csv_file([line]), "2026-09-01"))["equal"] is True
    elsewhere = await compared(bike, csv_file([line]), "2026-09-02")  # we have it on another day: no difference
    assert (elsewhere["equal"], elsewhere["theirs"]["of_other_days"]) == (True, 1)


async def test_a_reconciliation_in_parts_makes_a_report_that_only_its_partner_sees(
    bike: PartnerClient, metro: PartnerClient, api: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    content = csv_file([row("alone-1", day="2026-08-01")])
    report_id = await upload_in_parts(
        bike, content, {"mode": "reconcile", "date": "2026-08-01", "event_type": "trip.completed"}
    )
    assert (await finished(bike, report_id))["mode"] == "reconcile"
    report = await bike.get(f"{PLACE}/reports/{report_id}")
    assert report.json()["differences"]["only_theirs"] == 1
    assert (await status(bike, "alone-1")).status_code == 404  # a reconciliation stores no events
    for target in (f"{PLACE}/reports/{report_id}", f"{PLACE}/reports/{report_id}/differences"):
        foreign = await metro.get(target)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "RECONCILIATION_NOT_FOUND")
    without_day = await upload_refused(bike)
    assert (without_day.status_code, without_day.json()["code"]) == (422, "DAY_NEEDED")
    for target in (f"{OPS}?date={DAY}", f"{OPS}/reports/{report_id}"):
        assert (await api.get(target)).status_code == 401
        assert (await api.get(target, headers=tokens.operator("ops:rewards"))).status_code == 403
    assert (await bike.get(f"{PLACE}?date=never")).status_code == 422
    assert (await bike.get(PLACE)).status_code == 422


async def upload_refused(client: PartnerClient) -> httpx.Response:
    announced = b'{"format": "csv", "mode": "reconcile", "size_bytes": 10, "sha256": "%s"}' % (b"0" * 64)
    return await client.send("POST", IMPORTS, announced, headers={"Content-Type": "application/json"})
