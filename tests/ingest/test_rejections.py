"""The code and field of each rejection. One bad event does not affect others of its batch."""

from typing import Any

import httpx
import msgspec
import pytest

from services.ingest import event_types
from shared.contracts.rejections_v1 import ReceiptRejected
from tests.ingest.conftest import Reader
from tests.ingest.samples import EVENTS, PartnerClient, data_of, event, reports, revision

TRIP, RECYCLING = event_types.TRIP, event_types.RECYCLING


def without(name: str, **data: Any) -> dict[str, Any]:
    whole = event("bad", **data)
    del whole[name]
    return whole


REJECTIONS: list[tuple[Any, str, str | None]] = [
    (5, "MALFORMED_EVENT", None),
    ([], "MALFORMED_EVENT", None),
    ("event", "MALFORMED_EVENT", None),
    (None, "MALFORMED_EVENT", None),
    ({}, "MISSING_FIELD", "specversion"),
    (without("id"), "MISSING_FIELD", "id"),
    (without("data"), "MISSING_FIELD", "data"),
    ({**event("bad"), "specversion": "0.3"}, "INVALID_VALUE", "specversion"),
    ({**event("bad"), "id": ""}, "INVALID_VALUE", "id"),
    ({**event("bad"), "id": "x" * 129}, "INVALID_VALUE", "id"),
    ({**event("bad"), "id": "nul\u0000"}, "INVALID_VALUE", "id"),
    ({**event("bad"), "id": 17}, "INVALID_TYPE", "id"),
    ({**event("bad"), "time": "2026-11-23T08:31:00"}, "INVALID_TIME", "time"),
    ({**event("bad"), "datacontenttype": "text/xml"}, "INVALID_VALUE", "datacontenttype"),
    ({**event("bad"), "data": None}, "INVALID_TYPE", "data"),
    ({**event("bad"), "data": [1]}, "INVALID_TYPE", "data"),
    ({**event("bad"), "source": "//metro.example"}, "SOURCE_MISMATCH", "source"),
    ({**event("bad"), "type": "cn.carboninclusion.trip.completed.v2"}, "UNKNOWN_EVENT_TYPE", "type"),
    (event("bad", distance=5.5944), "INVALID_TYPE", "data.distance"),
    (event("bad", distance=5594.0), "INVALID_TYPE", "data.distance"),
    (event("bad", distance="5594"), "INVALID_TYPE", "data.distance"),
    (event("bad", distance=True), "INVALID_TYPE", "data.distance"),
    (event("bad", distance=-1), "INVALID_VALUE", "data.distance"),
    (event("bad", distance=10_000_001), "INVALID_VALUE", "data.distance"),
    (event("bad", distance=10**40), "INVALID_VALUE", "data.distance"),
    (event("bad", distance=None), "MISSING_FIELD", "data.distance"),
    (event("bad", duration=1200.5), "INVALID_TYPE", "data.duration"),
    (event("bad", passenger_count="two"), "INVALID_TYPE", "data.passenger_count"),
    (event("bad", vehicle_type="rocket"), "INVALID_VALUE", "data.vehicle_type"),
    (event("bad", propulsion_type="ev"), "INVALID_VALUE", "data.propulsion_type"),
    (event("bad", trip_id=""), "INVALID_VALUE", "data.trip_id"),
    (event("bad", trip_id="x" * 65), "INVALID_VALUE", "data.trip_id"),
    (event("bad", start_time="2026-11-23T08:10:00"), "INVALID_TIME", "data.start_time"),
    (event("bad", start_time="2026-11-23 morning"), "INVALID_TIME", "data.start_time"),
    (event("bad", start_time=1763856600), "INVALID_TIME", "data.start_time"),
    (event("bad", start_time="0001-01-01T00:00:00+14:00"), "INVALID_TIME", "data.start_time"),
    (event("bad", end_time="9999-12-31T23:59:59-14:00"), "INVALID_TIME", "data.end_time"),
    (event("bad", end_time="2026-11-23T08:09:59+08:00"), "INVALID_TIME_ORDER", "data.end_time"),
    (event("bad", city_code="武汉"), "INVALID_VALUE", "data.city_code"),
    (event("bad", city_code="420100\n"), "INVALID_VALUE", "data.city_code"),
    (event("bad", city_code="110000"), "CITY_NOT_ALLOWED", "data.city_code"),
    (event("bad", start_location={"lat": 91, "lng": 0}), "INVALID_VALUE", "data.start_location.lat"),
    (event("bad", start_location={"lat": 9}), "MISSING_FIELD", "data.start_location.lng"),
    (event("bad", account_ref={"type": "name", "value": "王"}), "INVALID_VALUE", "data.account_ref.type"),
    (event("bad", account_ref={"type": "phone_hash", "value": "13800138000"}), "INVALID_ACCOUNT_REF",
     "data.account_ref.value"),
    (event("bad", RECYCLING, weight_g=0.35), "INVALID_TYPE", "data.weight_g"),
    (event("bad", RECYCLING, material="Paper & glass"), "INVALID_VALUE", "data.material"),
    (event("bad", event_types.TRANSIT, vehicle_type="bicycle"), "INVALID_VALUE", "data.vehicle_type"),
    (event("bad", event_types.TRANSIT, alighted_at="2026-11-23T08:00:00+08:00"), "INVALID_TIME_ORDER",
     "data.alighted_at"),
    (event("bad", event_types.ENERGY, energy_wh=1.2), "INVALID_TYPE", "data.energy_wh"),
    (revision("bad", event_types.CORRECTED, "orig"), "MISSING_FIELD", "data.data"),
    (revision("bad", event_types.CORRECTED, "orig", data={}), "AMBIGUOUS_CORRECTION", "data.data"),
    (revision("bad", event_types.CORRECTED, "orig", data={"trip_id": 1, "ride_id": 1}), "AMBIGUOUS_CORRECTION",
     "data.data"),
    (revision("bad", event_types.CORRECTED, "orig", data=data_of(TRIP, distance=1.5)), "INVALID_TYPE",
     "data.data.distance"),
    (revision("bad", event_types.CANCELLED, ""), "INVALID_VALUE", "data.original_id"),
    (revision("bad", event_types.CANCELLED, "o", reason="x" * 201), "INVALID_VALUE", "data.reason"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "code", "field"), REJECTIONS)
async def test_each_rejection_has_its_code_and_its_field(
    bike: PartnerClient, bad: Any, code: str, field: str | None
) -> None:
    answer = await bike.push(event("before"), bad, event("after"), target=EVENTS + "?dry_run=true")
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "accepted"]
    result = answer["results"][1]
    assert (result["code"], result.get("field")) == (code, field)
    assert result["message"]


async def test_a_partner_may_report_only_registered_types_and_cities(
    metro: PartnerClient, api: httpx.AsyncClient
) -> None:
    answer = await metro.push(
        event("m1", event_types.TRANSIT, partner="metro"),
        event("m2", TRIP, partner="metro"),
        revision("m3", event_types.CORRECTED, "m1", partner="metro", data=data_of(TRIP)),
        revision("m4", event_types.CANCELLED, "m1", partner="metro"),
    )
    assert [result.get("code") for result in answer["results"]] == [
        None, "EVENT_TYPE_NOT_ALLOWED", "EVENT_TYPE_NOT_ALLOWED", None,
    ]  # fmt: skip
    anywhere = PartnerClient(api, "ak-anywhere")
    assert (await anywhere.push(event("c", partner="anywhere", city_code="110000")))["accepted"] == 1


async def test_a_mixed_batch_publishes_good_events_and_a_record_of_the_rejected_ones(
    bike: PartnerClient, published: Reader, refusals: Reader
) -> None:
    answer = await bike.push(event("g1"), event("b1", distance=5.5), event("g2"), 7, event("g3"))
    assert (answer["accepted"], answer["rejected"]) == (3, 2)
    found = reports(await published.new_records())
    assert [(report.index, report.event_id) for report in found] == [(0, "g1"), (2, "g2"), (4, "g3")]
    assert {(report.receipt_accepted, report.receipt_rejected) for report in found} == {(3, 2)}
    [record] = await refusals.new_records()
    receipt = msgspec.json.decode(record.value or b"", type=ReceiptRejected)
    assert str(receipt.receipt_id) == answer["receipt_id"]
    assert (receipt.partner_id, receipt.accepted) == ("bike", 3)
    assert [(one.index, one.id, one.code, one.field) for one in receipt.rejected] == [
        (1, "b1", "INVALID_TYPE", "data.distance"),
        (3, None, "MALFORMED_EVENT", None),
    ]


async def test_rejection_messages_are_in_the_language_of_the_request(bike: PartnerClient) -> None:
    bad = event("lang", distance=5.5)
    chinese = await bike.push(bad)
    english = await bike.push(bad, headers={"Accept-Language": "en-GB,zh;q=0.5"})
    assert chinese["results"][0]["message"] == "字段类型不正确。须为整数，单位米。"
    assert english["results"][0]["message"] == "The field has the wrong type. An integer, in metres."


async def test_a_sandbox_refuses_unknown_fields_and_publishes_nothing(
    box: PartnerClient, bike: PartnerClient, published: Reader, refusals: Reader
) -> None:
    def variants(partner: str) -> list[dict[str, Any]]:
        return [
            event("s1", partner=partner),
            event("s2", partner=partner, distance_km=5),
            event("s3", partner=partner, account_ref={"type": "open_id", "value": "o", "name": "王"}),
            event("s4", partner=partner, start_location={"lat": 1, "lng": 1, "alt": 3}),
            {**event("s5", partner=partner), "sampledrate": 10},
            {**event("s6", partner=partner), "traceparent": "00-ab-cd-01", "partitionkey": "p"},
        ]

    answer = await box.push(*variants("box"))
    assert answer["environment"] == "sandbox"
    assert answer["receipt_id"]
    assert [(result.get("code"), result.get("field")) for result in answer["results"]] == [
        (None, None),
        ("UNKNOWN_FIELD", "data.distance_km"),
        ("UNKNOWN_FIELD", "data.account_ref.name"),
        ("UNKNOWN_FIELD", "data.start_location.alt"),
        (None, None),
        (None, None),
    ]
    assert await published.new_records() == []
    assert await refusals.new_records() == []
    live = await bike.push(*variants("bike"))
    assert live["accepted"] == 6
    assert b"\xe7\x8e\x8b" not in b"".join(record.value or b"" for record in await published.new_records())


async def test_a_dry_run_checks_events_and_publishes_nothing(
    bike: PartnerClient, published: Reader, refusals: Reader
) -> None:
    answer = await bike.push(event("dry"), 5, target=EVENTS + "?dry_run=true")
    assert answer["receipt_id"] is None
    assert answer["dry_run"] is True
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert await published.new_records() == []
    assert await refusals.new_records() == []
