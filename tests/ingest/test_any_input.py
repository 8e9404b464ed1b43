"""Whatever a partner sends gets an answer and never a crash, and bad events do not affect others of their batch."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest import event_types
from services.ingest.events import decoding
from services.ingest.events.rejections import INVALID_VALUE, SENTENCES, Rejection
from services.ingest.partners.service import Partner
from shared import clock
from shared.errors import MalformedBody
from shared.ids import new_id
from tests.ingest.samples import BATCH, EVENTS, ONE, PartnerClient, data_of, event, revision

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "2026-11-23T08:30:00+08:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59Z",
            "\u0000",
            "\ud800",
            "a\u007f",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
TEMPLATES = [
    *(event("h", kind) for kind in event_types.REPORTS),
    event("h", start_location={"lat": 30.1, "lng": 114.2}, end_location={"lat": 30.2, "lng": 114.3}),
    revision("h", event_types.CORRECTED, "o", data=data_of(event_types.TRIP)),
    revision("h", event_types.CANCELLED, "o", account_ref={"type": "open_id", "value": "o"}),
]


def paths(value: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [prefix]
    return [prefix, *(path for name, inner in value.items() for path in paths(inner, (*prefix, name)))]


def replaced(value: Any, path: tuple[str, ...], new: Any) -> Any:
    if not path:
        return new
    return {**value, path[0]: replaced(value[path[0]], path[1:], new)}


@st.composite
def broken_events(draw: st.DrawFn) -> Any:
    """A valid event with one to three places replaced or removed, or an arbitrary JSON value."""
    whole = draw(st.sampled_from(TEMPLATES))
    for _ in range(draw(st.integers(1, 3))):
        whole = replaced(whole, draw(st.sampled_from(paths(whole))), draw(VALUES))
    return whole


def batch_context(environment: Any) -> decoding.BatchContext:
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
        environment=environment,
    )
    return decoding.BatchContext(partner, "pepper", new_id(), clock.now())


@settings(max_examples=400, deadline=None)
@given(broken=broken_events(), environment=st.sampled_from(["live", "sandbox"]))
def test_every_event_is_accepted_or_rejected_with_a_reason(broken: Any, environment: str) -> None:
    body = json.dumps([event("h"), broken, event("h")]).encode()
    try:
        events = decoding.split_batch(body, BATCH)
    except MalformedBody:
        assert b"\\ud" in body  # json.dumps writes only one thing that is not interchangeable JSON: a lone surrogate
        return
    first, second, third = decoding.read_events(events, batch_context(environment))
    assert first.reported is not None
    assert third.reported is not None
    assert (second.reported is None) != (second.rejected is None)
    if second.reported is not None:
        assert len(decoding.record_of(second.reported, ()).value or b"") < 5_000
        assert "\u0000" not in second.reported.event_id
    if second.rejected is not None:
        assert second.rejected.code in SENTENCES
        assert "\u0000" not in (second.rejected.field or "")


def results_of(body: bytes, shared: decoding.BatchContext) -> list[Any]:
    return [
        (reading.id, reading.reported, reading.rejected)
        for reading in decoding.read_events(decoding.split_batch(body, BATCH), shared)
    ]


@settings(max_examples=400, deadline=None)
@given(broken=st.lists(broken_events(), min_size=1, max_size=2), is_ascii=st.booleans())
def test_plain_and_lenient_decoders_give_the_same_results(broken: list[Any], is_ascii: bool) -> None:
    body = json.dumps([*broken, event("h")], ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    shared = batch_context("live")
    try:
        found = results_of(body, shared)
    except MalformedBody:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_PLAIN", decoding._LENIENT)
        assert results_of(body, shared) == found


@pytest.mark.parametrize("character", [chr(code) for code in (*range(0x20), 0x7F)])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_control_characters_are_rejected_in_every_text_field(character: str, is_ascii: bool) -> None:
    account = {"type": "open_id", "value": f"a{character}b"}
    events = [
        event(f"a{character}b"),
        event("h", account_ref=account),
        event("h", trip_id=f"a{character}b"),
        event("h", event_types.TRANSIT, line=f"a{character}b"),
        revision("h", event_types.CANCELLED, f"a{character}b"),
        revision("h", event_types.CANCELLED, "o", reason=f"a{character}b"),
        revision("h", event_types.CANCELLED, "o", account_ref=account),
        revision("h", event_types.CORRECTED, "o", data=data_of(event_types.TRIP, vehicle_ref=f"a{character}b")),
    ]
    found = [
        rejected
        for _, _, rejected in results_of(json.dumps(events, ensure_ascii=is_ascii).encode(), batch_context("live"))
    ]
    fields = [
        "id",
        "data.account_ref.value",
        "data.trip_id",
        "data.line",
        "data.original_id",
        "data.reason",
        "data.account_ref.value",
        "data.data.vehicle_ref",
    ]
    assert found == [Rejection(INVALID_VALUE, field) for field in fields]


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=200), media_type=st.sampled_from([ONE, BATCH]))
def test_any_bytes_are_a_batch_or_a_malformed_body(body: bytes, media_type: str) -> None:
    try:
        events = decoding.split_batch(body, media_type)
    except MalformedBody:
        return
    assert len(decoding.read_events(events, batch_context("live"))) == len(events)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken=st.lists(broken_events(), min_size=1, max_size=5), app_key=st.sampled_from(["ak-bike", "ak-box"]))
async def test_no_batch_gets_a_5xx(api: httpx.AsyncClient, broken: list[Any], app_key: str) -> None:
    answer = await PartnerClient(api, app_key).post(json.dumps(broken).encode(), target=EVENTS + "?dry_run=true")
    assert answer.status_code in {202, 400}
    if answer.status_code == 202:
        assert len(answer.json()["results"]) == len(broken)
    else:
        assert answer.headers["content-type"] == "application/problem+json"


@settings(max_examples=30, deadline=None)
@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=100))
async def test_no_authorization_header_gets_a_5xx(api: httpx.AsyncClient, header: str) -> None:
    answer = await api.post(EVENTS, content=b"[]", headers=[(b"authorization", b"CP1-" + header.encode("latin-1"))])
    assert answer.status_code == 401
