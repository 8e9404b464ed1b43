"""One event a request, as the official SDKs send it: a truthful status, media types by the RFC, a clear refusal."""

import base64
import json
from typing import Any

import httpx
import msgspec
import pytest

from services.ingest import event_types
from shared.contracts.rejections_v1 import ReceiptRejected
from tests.ingest.conftest import Reader, Settle
from tests.ingest.samples import BATCH, EVENTS, ONE, PartnerClient, event, receipt, reports, revision
from tests.ingest.test_rejections import REJECTIONS

DRY_RUN = EVENTS + "?dry_run=true"


async def single(partner: PartnerClient, one: Any, media_type: str = ONE, **options: Any) -> httpx.Response:
    return await partner.post(json.dumps(one).encode(), media_type, **options)


# --- D1: the status of a single event ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("bad", "code", "field"), [case for case in REJECTIONS if case[0] != []])
async def test_d1_a_single_refused_event_is_a_4xx_with_its_code(
    bike: PartnerClient, bad: Any, code: str, field: str | None
) -> None:
    answer = await single(bike, bad, target=DRY_RUN)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["field"] for one in problem["errors"]] == ([field] if field else [])
    assert problem["detail"]
    assert problem["retryable"] is False


async def test_d1_a_single_refused_event_has_a_receipt_and_reaches_no_topic_of_activities(
    bike: PartnerClient, published: Reader, refusals: Reader, worker: Any, settle: Settle
) -> None:
    answer = await single(bike, event("one-bad", distance=5.5), headers={"Accept-Language": "en"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["accepted"], problem["rejected"]) == (
        422, "INVALID_TYPE", 0, 1,
    )  # fmt: skip
    assert problem["detail"] == "The field has the wrong type. An integer, in metres."
    assert problem["results"][0]["field"] == "data.distance"
    assert await published.new_records() == []
    [record] = await refusals.new_records()
    assert str(msgspec.json.decode(record.value or b"", type=ReceiptRejected).receipt_id) == (problem["receipt_id"])

    async def settled() -> bool:
        return bool((await receipt(bike, problem["receipt_id"]))["settled"])

    await settle(settled)


async def test_d1_a_sandbox_answers_a_single_refused_event_like_live(box: PartnerClient) -> None:
    answer = await single(box, event("one-strict", partner="box", distance_km=5))
    assert (answer.status_code, answer.json()["code"]) == (422, "UNKNOWN_FIELD")
    assert answer.json()["environment"] == "sandbox"


async def test_d1_a_batch_keeps_its_results_for_each_event(bike: PartnerClient) -> None:
    answer = await bike.push(event("only", distance=5.5))
    assert (answer["accepted"], answer["rejected"], answer["results"][0]["code"]) == (0, 1, "INVALID_TYPE")


@pytest.mark.parametrize("body", [b"[]", b" \n[{}]", b'[{"specversion":"1.0"}]'])
async def test_d1_an_array_under_the_type_of_a_single_event_is_a_4xx(bike: PartnerClient, body: bytes) -> None:
    answer = await bike.post(body, ONE)
    assert (answer.status_code, answer.json()["code"]) == (400, "SINGLE_EVENT_EXPECTED")
    assert BATCH in answer.json()["detail"]


# --- D18: a single event under the type of a batch --------------------------------------------------------------------


@pytest.mark.parametrize("body", [json.dumps(event("d18")).encode(), b"{}", b'  "text"', b"17", b"null"])
async def test_d18_a_single_object_under_the_batch_type_is_told_what_is_expected(
    bike: PartnerClient, body: bytes
) -> None:
    answer = await bike.post(body, BATCH)
    assert (answer.status_code, answer.json()["code"]) == (400, "BATCH_EXPECTED")
    assert answer.json()["detail"] == f"Content-Type 为 {BATCH} 时，请求体须为事件数组，没有收下。单条事件请用 {ONE}。"
    english = await bike.post(body, BATCH, headers={"Accept-Language": "en"})
    assert f"Send one event as {ONE}" in english.json()["detail"]


# --- D2: media types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.x+json",
        'application/vnd.bike.trip.v2+JSON;profile="a;b"',
        "text/json",
        "application/geo+json ; charset=UTF-8",
        None,
    ],
)
async def test_d2_data_of_any_json_media_type_is_accepted(
    bike: PartnerClient, box: PartnerClient, declared: Any
) -> None:
    for partner, name in ((bike, "bike"), (box, "box")):
        one = {**event("d2", partner=name), "datacontenttype": declared}
        assert (await single(partner, one)).status_code == 202, declared


@pytest.mark.parametrize(
    "declared", ["text/plain", "application/xml", "application/jsonp", "json", "", "application/json;", 5]
)
async def test_d2_data_of_another_media_type_is_refused(bike: PartnerClient, declared: Any) -> None:
    answer = await single(bike, {**event("d2"), "datacontenttype": declared}, target=DRY_RUN)
    if declared == "application/json;":  # RFC 9110 allows an empty parameter
        assert answer.status_code == 202
        return
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "datacontenttype")


@pytest.mark.parametrize(
    "media_type",
    [
        "Application/CloudEvents+JSON",
        "application/cloudevents+json;charset=UTF-8",
        'application/cloudevents+json ; charset="utf-8"',
        "application/cloudevents+json; x=y; CHARSET=utf8",
    ],
)
async def test_d2_the_type_of_the_request_is_read_by_the_rfc(bike: PartnerClient, media_type: str) -> None:
    assert (await single(bike, event("d2-http"), media_type)).status_code == 202


@pytest.mark.parametrize(
    "media_type",
    [
        "application/cloudevents+json; charset=utf-8; charset=gbk",  # two readers, two charsets
        "application/cloudevents+json; charset=utf-16",
        "application/cloudevents+xml",
        "application/cloudevents",
        "application/cloudevents+json charset=utf-8",
        "text/plain; x=application/cloudevents+json",
    ],
)
async def test_d2_an_unclear_or_other_type_of_the_request_is_refused(bike: PartnerClient, media_type: str) -> None:
    answer = await single(bike, event("d2-http"), media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept"] == f"{ONE}, {BATCH}"


# --- D3: attributes of the envelope and fields of data ----------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        {"sampledrate": 30, "dataref": "https://x.example/1", "authtype": "user", "authid": "u1"},
        {"severitytext": "INFO", "severitynumber": 9, "expirytime": "2026-12-01T00:00:00Z"},
        {"correlationid": "c1", "causationid": "c0", "partitionkey": "p", "traceparent": "00-ab-cd-01"},
        {
            "knativearrivaltime": "2026-11-27T00:00:00Z",
            "aliyuneventbusname": "bus",
            "eventgridtopic": "t",
            "flag": True,
        },
        {"dataschema": "https://x.example/schema.json", "subject": "trip", "dataschemaversion": 2},
    ],
)
async def test_d3_unknown_attributes_of_the_envelope_are_welcome_in_both_environments(
    bike: PartnerClient, box: PartnerClient, attributes: dict[str, Any]
) -> None:
    for partner, name in ((bike, "bike"), (box, "box")):
        answer = await single(partner, {**event("d3", partner=name), **attributes})
        assert answer.status_code == 202, answer.text


async def test_d3_unknown_fields_of_data_are_told_in_the_sandbox_only(bike: PartnerClient, box: PartnerClient) -> None:
    answer = await single(box, event("d3", partner="box", distanse=5))
    assert answer.json()["errors"][0]["field"] == "data.distanse"
    assert answer.json()["detail"].startswith("data 中有未定义的字段")
    assert (await single(bike, event("d3-live", distanse=5))).status_code == 202


# --- D4: binary data --------------------------------------------------------------------------------------------------


def binary(**changes: Any) -> dict[str, Any]:
    one = event("d4")
    encoded = base64.b64encode(json.dumps(one.pop("data")).encode()).decode()
    return {**one, "data_base64": encoded, **changes}


async def test_d4_binary_data_has_a_sentence_of_its_own(bike: PartnerClient) -> None:
    answer = await single(bike, binary())
    assert (answer.status_code, answer.json()["code"]) == (422, "DATA_BASE64")
    assert answer.json()["detail"] == "data_base64 用于二进制数据；请把内容作为 JSON 对象放进 data。"
    assert answer.json()["errors"][0]["field"] == "data_base64"


@pytest.mark.parametrize("data", [event("d4")["data"], None, {}])
async def test_d4_data_and_binary_data_together_are_refused(bike: PartnerClient, data: Any) -> None:
    answer = await single(bike, binary(data=data))
    assert (answer.status_code, answer.json()["code"]) == (422, "DATA_TWICE")


async def test_d4_null_stands_for_absent_binary_data(bike: PartnerClient) -> None:
    assert (await single(bike, {**event("d4-null"), "data_base64": None})).status_code == 202
    answer = await single(bike, {**event("d4-none"), "data": "text"})
    assert answer.json()["detail"] == "字段类型不正确。须为 JSON 对象，不是文字、数组或 null。"


# --- D5: binary mode --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/json; charset=utf-8"])
async def test_d5_binary_mode_is_refused_with_the_reason_and_the_switch_of_each_sdk(
    bike: PartnerClient, media_type: str
) -> None:
    one = event("d5")
    headers = {f"ce-{name}": str(one[name]) for name in ("specversion", "id", "source", "type", "time")}
    body = json.dumps(one["data"]).encode()
    answer = await bike.post(body, media_type, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (415, "BINARY_MODE_NOT_SUPPORTED")
    assert "签名不含请求头" in problem["detail"]
    for switch in ("to_structured", "Mode.STRUCTURED", "WithEncodingStructured", "writeStructured"):
        assert switch in problem["detail"]
    english = await bike.post(body, media_type, headers={**headers, "Accept-Language": "en"})
    assert "ContentMode.Structured" in english.json()["detail"]
    assert (await bike.post(body, "application/json")).json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_d5_a_structured_event_may_repeat_its_attributes_in_headers(bike: PartnerClient) -> None:
    assert (await single(bike, event("d5-both"), headers={"ce-id": "d5-both"})).status_code == 202


# --- B16: a key twice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('"distance": 2360', '"distance": 1, "distance": 2360', "distance"),
        ('"id": "b16"', '"id": "other", "id": "b16"', "id"),
        ('"value": "WH', '"value": "WH0000000001", "value": "WH', "value"),
        ('"distance": 2360', '"d\\u0069stance": 1, "distance": 2360', "distance"),
        ('"distance": 2360', '"distance": 2360, "x": {"y": [{"z": 1, "z": 1}]}', "z"),
        ('"specversion"', '"x": %s, "x": 1, "specversion"' % ("9" * 5_000), "x"),
    ],
)
async def test_b16_an_event_with_a_key_twice_is_rejected_and_the_others_are_not(
    bike: PartnerClient, before: str, after: str, key: str
) -> None:
    text = json.dumps(event("b16"))
    assert before in text
    bad = text.replace(before, after, 1).encode()
    good = json.dumps(event("b16-good")).encode()
    answer = (await bike.post(b"[" + good + b"," + bad + b"]")).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert (answer["results"][1]["code"], answer["results"][1]["field"]) == ("DUPLICATE_KEY", key)
    alone = await bike.post(bad, ONE, target=DRY_RUN)
    assert (alone.status_code, alone.json()["code"]) == (422, "DUPLICATE_KEY")


async def test_b16_an_event_nested_too_deep_to_be_searched_is_rejected(bike: PartnerClient) -> None:
    text = json.dumps(event("deep"))
    for depth in (500, 900, 990, 1_000, 1_200, 5_000):
        nested = text.replace('"specversion"', '"x": ' + "[" * depth + "]" * depth + ', "x": 1, "specversion"', 1)
        answer = await bike.post(nested.encode(), ONE)
        assert answer.status_code in {400, 422}, depth


# --- D8: trips as MDS writes them -------------------------------------------------------------------------------------

MDS_TRIP: dict[str, Any] = {
    "provider_id": "c20e08cf-8488-46a6-a66c-5d8fb827f7e0",
    "data_provider_id": None,
    "device_id": "e09e6bb8-a8a1-4b1c-8f4b-0d6e2d9f4a55",
    "journey_id": "9b5e6ec4-2f0c-4d4c-8f41-16ea7ef6a111",
    "journey_attributes": {},
    "trip_id": "4b9a2c36-7b7e-4d68-9d0c-6a2e1c0f7b1d",
    "trip_type": "rider",
    "trip_attributes": {},
    "fare_attributes": {"payment_type": "mobile"},
    "start_time": 1_763_856_600_000,
    "end_time": 1_763_857_800_123,
    "start_location": {
        "lat": 30.59276, "lng": 114.30525, "altitude": 23.5, "heading": 90, "speed": 3.1, "horizontal_accuracy": 4.0,
        "vertical_accuracy": 8.0, "satellites": 9,
    },
    "end_location": {"lat": 30.6, "lng": 114.4},
    "duration": 1200,
    "distance": 9_500,
    "publication_time": 1_763_857_900_000,
    "accessibility_attributes": [],
    "parking_verification_url": "https://x.example/p.jpg",
    "parking_category": "rack",
    "standard_cost": 150,
    "actual_cost": 150,
    "currency": "CNY",
}  # fmt: skip
OURS = {
    "account_ref": {"type": "account_no", "value": "WH0000000017"},
    "vehicle_type": "bicycle",
    "city_code": "420100",
}


async def test_d8_a_verbatim_mds_trip_is_accepted_in_both_environments(
    bike: PartnerClient, box: PartnerClient, published: Reader
) -> None:
    for partner, name in ((bike, "bike"), (box, "box")):
        one = {**event("mds", partner=name), "data": {**MDS_TRIP, **OURS}}
        answer = await single(partner, one)
        assert answer.status_code == 202, answer.text
    [report] = reports(await published.new_records())
    act = msgspec.to_builtins(report.act)
    assert (act["started_at"], act["ended_at"]) == ("2025-11-23T00:10:00Z", "2025-11-23T00:30:00.123000Z")
    assert (act["trip_type"], act["duration_s"], act["distance_m"]) == ("private", 1200, 9_500)
    assert act["straight_line_m"] > 9_000


async def test_d8_milliseconds_and_rfc_3339_of_one_instant_are_one_act(bike: PartnerClient, published: Reader) -> None:
    await bike.push(
        event("same", start_time=1_763_856_600_000, end_time=1_763_857_800_000),
        event("same", start_time="2025-11-23T08:10:00+08:00", end_time="2025-11-23T00:30:00Z"),
        event("ride", event_types.TRANSIT, boarded_at=1_763_856_600_000, alighted_at=None),
        event("energy", event_types.ENERGY, period_start=1_763_856_600_000, period_end=1_763_856_700_000),
        revision("fix", event_types.CORRECTED, "same", data={**event("x")["data"], "start_time": 1_763_856_600_000}),
    )
    found = reports(await published.new_records())
    assert len(found) == 5
    assert found[0].fingerprint == found[1].fingerprint


@pytest.mark.parametrize(
    "time", [1_763_856_600, 1_763_856_600_000_000, 0, -1, 1_763_856_600_000.5, "1763856600000", True, 10**30, None]
)
async def test_d8_seconds_and_other_numbers_are_no_time_and_the_sentence_says_what_is(
    bike: PartnerClient, time: Any
) -> None:
    one = event("bad-time")
    one["data"]["start_time"] = time
    answer = await single(bike, one, target=DRY_RUN)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_TIME")
    assert "毫秒时间戳（13 位整数）" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"vehicle_type": "ebike"}, "bicycle、bus、car"),
        ({"propulsion_type": "ev"}, "human、electric_assist、electric"),
        ({"trip_type": "delivery"}, "rider、private、shared、reservation、empty"),
        ({"coordinate_system": "GCJ-02"}, "WGS84、GCJ02、BD09"),
        ({"account_ref": {"type": "phone", "value": "1"}}, "open_id、phone_hash、account_no"),
    ],
)
async def test_d8_a_value_outside_a_closed_set_is_told_the_allowed_values(
    bike: PartnerClient, change: dict[str, Any], allowed: str
) -> None:
    answer = await single(bike, event("enum", **change), target=DRY_RUN)
    assert f"可取 {allowed}" in answer.json()["detail"]
    english = await single(bike, event("enum", **change), target=DRY_RUN, headers={"Accept-Language": "en"})
    assert f"One of {allowed.replace('、', ', ')}" in english.json()["detail"]


async def test_d8_an_unknown_type_of_event_is_told_the_known_ones(bike: PartnerClient) -> None:
    answer = await single(bike, {**event("t"), "type": "trip.completed"}, target=DRY_RUN)
    assert "cn.carboninclusion.trip.completed.v1" in answer.json()["detail"]
    answer = await single(bike, {**event("t"), "specversion": "1.0.2"}, target=DRY_RUN)
    assert answer.json()["detail"] == '字段取值不符合要求。须为 "1.0"。'


async def test_d7_passengers_among_the_attributes_of_a_trip_are_read(bike: PartnerClient, published: Reader) -> None:
    counts: list[Any] = [{"passenger_count": 0}, {"passenger_count": 2}, {}, [], "none", {"passenger_count": "two"}]
    await bike.push(*(event(f"p{n}", trip_attributes=given) for n, given in enumerate(counts)))
    await bike.push(event("p9", trip_attributes={"passenger_count": 4}, passenger_count=3))
    found = [report.act.passenger_count for report in (await published_reports(published)) if report.act]
    assert found == [0, 2, None, None, None, None, 3]


async def published_reports(published: Reader) -> list[Any]:
    records = await published.new_records()
    return sorted(reports(records), key=lambda report: report.event_id)
