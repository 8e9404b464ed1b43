"""The intake: which events are accepted, and how their records look."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.ingest import event_types
from services.ingest.events.service import IntakePorts, report_events
from services.ingest.limits.service import Limits
from services.ingest.partners.service import Caller, Partner, SeenNonces
from services.ingest.settings import Settings
from shared.contracts import topics
from shared.contracts.identity import account_key, event_key, meter_key, vehicle_key
from shared.db import Database
from shared.eventlog import Record, open_event_log
from shared.eventlog.port import partition_for
from tests.ingest.conftest import Reader
from tests.ingest.samples import BATCH, ONE, PartnerClient, data_of, event, reports, revision

TRIP, RECYCLING = event_types.TRIP, event_types.RECYCLING


async def test_every_event_type_reaches_the_log_reduced_to_its_act(
    bike: PartnerClient, published: Reader, seeded: Settings
) -> None:
    answer = await bike.push(*(event(f"kind-{n}", kind) for n, kind in enumerate(event_types.REPORTS)))
    assert (answer["accepted"], answer["rejected"]) == (5, 0)
    assert answer["results"][3] == {"index": 3, "id": "kind-3", "status": "accepted"}
    found = reports(await published.new_records())
    acts = [msgspec.to_builtins(report.act) for report in found]
    assert all(len(act.pop("natural_key")) == 32 for act in acts)
    assert acts[4].pop("meter_key") == meter_key(seeded.account_ref_pepper.get_secret_value(), "e-1")
    morning, later = "2026-11-23T00:10:00Z", "2026-11-23T00:30:00Z"
    city = {"city_code": "420100"}
    assert acts == [
        {"kind": "trip", "started_at": morning, "ended_at": later, **city, "vehicle_type": "bicycle",
         "distance_m": 2360, "duration_s": 1200},
        {"kind": "transit", "started_at": morning, "ended_at": later, **city, "vehicle_type": "metro",
         "distance_m": 8000, "duration_s": 1200},
        {"kind": "recycling", "started_at": morning, **city, "material": "cardboard", "weight_g": 350},
        {"kind": "bag", "started_at": morning, **city, "count": 1},
        {"kind": "energy", "started_at": "2026-11-21T16:00:00Z", "ended_at": "2026-11-22T16:00:00Z", **city,
         "energy_wh": 1200, "baseline_wh": 4000},
    ]  # fmt: skip


async def test_a6_a_trip_names_its_vehicle_by_a_keyed_hash_and_keeps_its_fingerprint(
    bike: PartnerClient, published: Reader, seeded: Settings
) -> None:
    given = {"vehicle_ref": "00 482-a", "propulsion_type": "human"}
    await bike.push(
        event("v-1", **given),
        event("v-2", **given | {"vehicle_type": "bus"}),
        event("v-1", propulsion_type="human"),
        revision("v-3", event_types.CORRECTED, "v-1", data=data_of(TRIP, **given)),
    )
    records = await published.new_records()
    trip, bus, without, corrected = reports(records)
    acts = [report.act for report in (trip, bus, without, corrected)]
    expected = vehicle_key(seeded.account_ref_pepper.get_secret_value(), "bike", "bicycle", "00482A")
    assert [act.vehicle_key if act is not None else "" for act in acts] == [expected, None, None, expected]
    assert trip.fingerprint == without.fingerprint  # as before the key existed: sent again, it is a duplicate
    assert not any(b"00 482" in (record.value or b"") for record in records)


async def test_a_record_has_no_account_reference_and_one_account_stays_in_one_partition(
    bike: PartnerClient, published: Reader, seeded: Settings
) -> None:
    answer = await bike.push(event("rec-1", propulsion_type="human", passenger_count=1), event("rec-2", TRIP))
    records = await published.new_records()
    assert len({record.partition for record in records}) == 1
    [first, _] = reports(records)
    pepper = seeded.account_ref_pepper.get_secret_value()
    person = account_key(pepper, "bike", "account_no", "WH0000000017")
    assert first.account_key == person
    assert records[0].key == f"bike:{person}".encode()
    assert records[0].partition == partition_for(records[0].key, 8)
    assert first.event_key == event_key("bike", "rec-1")
    assert (str(first.receipt_id), first.index) == (answer["receipt_id"], 0)
    assert (first.receipt_accepted, first.receipt_rejected) == (2, 0)
    assert (first.late_window_s, first.evidence_tier, first.operation) == (172_800, "partner_signed", "report")
    assert uuid.UUID(answer["receipt_id"]).version == 7
    headers = dict(records[0].headers)
    assert headers["ce_id"] == b"rec-1"
    assert headers["ce_source"] == b"//bike.example"
    assert headers["ce_type"] == b"cn.carboninclusion.activity.reported.v1"
    assert headers["ce_specversion"] == b"1.0"
    assert datetime.fromisoformat(headers["ce_time"].decode()).utcoffset() is not None
    whole = b"".join(record.value or b"" for record in records)
    assert b"WH0000000017" not in whole
    assert b"t-1" not in whole


async def test_raw_sha256_covers_the_signed_bytes_and_the_fingerprint_their_meaning(
    bike: PartnerClient, published: Reader
) -> None:
    first = event("fp")
    same = {
        **event("fp"),
        "data": data_of(TRIP, start_time="2026-11-23T00:10:00Z", end_time="2026-11-23T01:30:00+01:00"),
    }
    other = event("fp", distance=2361)
    body = b"[" + b" , ".join(json.dumps(one, indent=1).encode() for one in (first, same, other)) + b"]"
    assert (await bike.post(body)).json()["accepted"] == 3
    a, b, c = reports(await published.new_records())
    assert a.raw_sha256 == hashlib.sha256(json.dumps(first, indent=1).encode()).hexdigest()
    assert len({a.raw_sha256, b.raw_sha256, c.raw_sha256}) == 3
    assert a.fingerprint == b.fingerprint != c.fingerprint
    assert a.event_key == b.event_key == c.event_key


async def test_a_single_event_is_accepted_outside_a_batch(bike: PartnerClient, published: Reader) -> None:
    answer = await bike.post(json.dumps(event("alone")).encode(), ONE + "; charset=UTF-8")
    assert answer.status_code == 202
    assert answer.json()["results"] == [{"index": 0, "id": "alone", "status": "accepted"}]
    assert len(await published.new_records()) == 1


async def test_of_coordinates_only_the_straight_line_is_published(bike: PartnerClient, published: Reader) -> None:
    place: dict[str, Any] = {
        "start_location": {"lat": 30.59276, "lng": 114.30525},
        "end_location": {"lat": 30.6, "lng": 114.4},
    }
    await bike.push(
        event("geo", coordinate_system="GCJ02", **place), event("half", start_location={"lat": 1, "lng": 2})
    )
    records = await published.new_records()
    with_line, without = reports(records)
    assert with_line.act is not None
    assert without.act is not None
    assert with_line.act.straight_line_m == pytest.approx(9110, abs=30)
    assert without.act.straight_line_m is None
    assert b"114.3" not in b"".join(record.value or b"" for record in records)


@pytest.mark.parametrize(
    "data",
    [
        {"distance": 0},
        {"distance": 3_000_000},
        {"duration": 0},
        {"end_time": "2026-11-23T08:10:00+08:00"},
        {"start_time": "2001-01-01T00:00:00Z"},
        {"end_time": "2031-01-01T00:00:00Z"},
        {"passenger_count": 0},
        {"propulsion_type": None, "vehicle_type": "car"},
        {"account_ref": {"type": "phone_hash", "value": "A" * 64}},
        {"trip_id": "订单 一"},
    ],
)
async def test_implausible_values_are_accepted_for_accounting_to_judge(
    bike: PartnerClient, data: dict[str, Any]
) -> None:
    assert (await bike.push(event("odd", **data)))["accepted"] == 1


async def test_null_in_an_optional_field_means_absent(bike: PartnerClient) -> None:
    one = event("nulls")
    one["data"] |= {"duration": None, "passenger_count": None, "start_location": None, "vehicle_ref": None}
    assert (await bike.push(one))["accepted"] == 1


async def test_an_id_that_occurs_twice_in_a_batch_is_published_twice(bike: PartnerClient, published: Reader) -> None:
    assert (await bike.push(event("twin"), event("twin")))["accepted"] == 2
    assert [report.index for report in reports(await published.new_records())] == [0, 1]


async def test_an_empty_batch_is_accepted(bike: PartnerClient, published: Reader) -> None:
    answer = await bike.push()
    assert (answer["accepted"], answer["rejected"], answer["results"]) == (0, 0, [])
    assert await published.new_records() == []


async def test_corrections_and_cancellations_name_the_original_event(bike: PartnerClient, published: Reader) -> None:
    person = {"type": "account_no", "value": "WH0000000017"}
    answer = await bike.push(
        event("orig"),
        revision("corr", event_types.CORRECTED, "orig", data=data_of(TRIP, distance=2000)),
        revision("canc", event_types.CANCELLED, "orig", account_ref=person),
        revision("blind", event_types.CANCELLED, "orig"),
    )
    assert answer["accepted"] == 4
    records = await published.new_records()
    original, corrected, cancelled, blind = reports(records)
    assert (corrected.operation, corrected.original_event_id, corrected.reason) == ("correct", "orig", "里程有误")
    assert corrected.act is not None
    assert corrected.act.distance_m == 2000
    assert (cancelled.operation, cancelled.act) == ("cancel", None)
    assert original.account_key == corrected.account_key == cancelled.account_key
    assert blind.account_key == ""
    assert {record.key for record in records} == {f"bike:{original.account_key}".encode(), b"bike:orig"}


async def test_the_natural_key_identifies_the_act_whatever_the_event_id(bike: PartnerClient, published: Reader) -> None:
    await bike.push(
        event("n1"), event("n2"), event("n3", trip_id="t-2"),
        event("n4", RECYCLING), event("n5", RECYCLING, material="glass"),
    )  # fmt: skip
    keys = [report.act.natural_key for report in reports(await published.new_records()) if report.act]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


async def test_accepted_and_rejected_events_are_counted_in_metrics(bike: PartnerClient) -> None:
    await bike.push(event("counted"), 5)
    metrics = (await bike.http.get("/metrics")).text
    assert 'carbon_intake_events_total{partner="bike",status="accepted"}' in metrics
    assert 'carbon_intake_events_total{partner="bike",status="MALFORMED_EVENT"}' in metrics


async def test_times_on_the_topic_are_in_utc(bike: PartnerClient, published: Reader) -> None:
    await bike.push(event("utc"))
    [report] = reports(await published.new_records())
    assert report.act is not None
    assert report.act.started_at == datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
    assert report.received_at.tzinfo is not None


async def test_the_intake_runs_with_its_ports_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an application nor a running database is needed: the ports are all that the use case uses."""
    published: dict[str, list[Record]] = {}

    async def publish(topic: str, records: list[Record]) -> None:
        published[topic] = records

    async def nothing(*_: object) -> None: ...

    unstarted = open_event_log(settings.event_log_url, client_id="ports")
    monkeypatch.setattr(unstarted, "publish", publish)
    ports = IntakePorts(
        limits=Limits(Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1), "Asia/Shanghai"),
        nonces=SeenNonces(),
        log=unstarted,
        pepper="pepper",
        topic_prefix="city.",
        judge_sandbox=nothing,
    )
    partner = Partner(
        partner_id="bike",
        name="b",
        name_en="b",
        source="//bike.example",
        scenes=(),
        event_types=frozenset(event_types.REPORTS),
        cities=frozenset(),
        late_window_s=0,
        binding_modes=(),
        environment="live",
    )
    body = json.dumps([event("ports-1"), event("ports-2", distance=5.5)]).encode()
    answer = await report_events(
        ports, Caller(partner, "ak", "n", 0), body, content_type=BATCH, dry_run=False, language="en"
    )
    assert (answer.accepted, answer.rejected) == (1, 1)
    assert list(published) == ["city.ingest.rejections.v1", "city." + topics.ACTIVITIES]
    assert "pepper" not in repr(ports)
