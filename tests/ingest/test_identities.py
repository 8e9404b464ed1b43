"""Identifiers that must never change: keys of accounts, meters and events, and hashes of their content."""

import hashlib
import hmac
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.contracts import identity
from shared.contracts.activities_v1 import ActivityReported
from shared.ids import new_id

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(pepper=TEXT.filter(bool), partner=TEXT, kind=TEXT, value=TEXT)
def test_an_account_key_is_the_hmac_of_its_parts(pepper: str, partner: str, kind: str, value: str) -> None:
    def expected(message: str) -> str:
        return hmac.digest(pepper.encode(), message.encode(), "sha256").hex()[:32]

    assert identity.account_key(pepper, partner, kind, value) == expected(f"{partner}\0{kind}\0{value}")
    assert identity.meter_key(pepper, value) == expected(f"meter\0{identity.plain_reference(value)}")
    assert identity.keyed(pepper, value) == expected(value)


@given(partner=TEXT, event_id=TEXT)
def test_an_event_key_is_a_uuid_version_8_from_a_hash(partner: str, event_id: str) -> None:
    key = identity.event_key(partner, event_id)
    hashed = hashlib.sha256(f"carbon-inclusion/event/v1\0{partner}\0{event_id}".encode()).hexdigest()
    assert key.hex[:12] + key.hex[13:16] + key.hex[17:] == hashed[:12] + hashed[13:16] + hashed[17:32]
    assert (key.hex[12], key.variant) == ("8", uuid.RFC_4122)


def test_keys_of_known_inputs_never_change() -> None:
    assert identity.event_key("bike", "order-1") == uuid.UUID("32eb6e6c-038e-80f8-8c57-1bd6050621d2")
    assert (
        identity.account_key("pepper-of-the-tests-1234", "bike", "account_no", "WH1")
        == "f0bc0c5d43425bc20d8648db20a2869e"
    )
    assert identity.meter_key("pepper-of-the-tests-1234", "4201004812345") == "7dfc5078eb5ea6865b32192e88173caf"
    assert (
        identity.vehicle_key("pepper-of-the-tests-1234", "t3", "car", "鄂A12345") == "8e746c40708526ffd2698d31f4001896"
    )


@pytest.mark.parametrize(
    "spelling",
    ["AB-1234 5", "ab12345", " ab 123-45", "ＡＢ１２３４５", "ab–12345", "a\u200bb12345", "AB\u00a012345", "ab−12345"],
)
def test_a5_a_meter_has_one_key_however_it_is_spelled(spelling: str) -> None:
    assert identity.meter_key("pepper", spelling) == identity.meter_key("pepper", "AB12345")
    assert identity.meter_key("pepper", spelling) != identity.meter_key("pepper", "AB12346")


@given(TEXT)
def test_a5_a_plain_reference_stays_as_it_is(value: str) -> None:
    plain = identity.plain_reference(value)
    assert identity.plain_reference(plain) == plain
    assert bool(plain) == bool(value)


@pytest.mark.parametrize(
    ("vehicle_type", "reference", "is_one"),
    [
        ("car", "鄂A·12345", True),
        ("moped", "武汉 0012345", True),
        ("bicycle", "0012345", False),
        ("scooter_standing", "8f14e45f-ceea-467f-a9f0-5a1b1d1e1f10", True),
    ],
)
def test_a6_a_plate_names_one_vehicle_and_a_fleets_number_one_of_the_fleet(
    vehicle_type: str, reference: str, is_one: bool
) -> None:
    keys = {identity.vehicle_key("pepper", partner, vehicle_type, reference) for partner in ("bike", "scooter")}
    assert len(keys) == (1 if is_one else 2)
    assert identity.vehicle_key("pepper", "bike", vehicle_type, reference.lower()) in keys


@pytest.mark.parametrize("place", [0, 31, 63])
@pytest.mark.parametrize("character", ["g", "A", "F", "_", " ", "-", "\n", "\u0660", "\uff10"])
@pytest.mark.parametrize("field", ["fingerprint", "raw_sha256"])
def test_contracts_accept_hashes_only_in_lower_case_hexadecimal(place: int, character: str, field: str) -> None:
    sound = "0123456789abcdef" * 4
    record = msgspec.to_builtins(
        ActivityReported(
            event_key=new_id(),
            partner_id="bike",
            event_id="1",
            receipt_id=new_id(),
            index=0,
            account_key="k",
            fingerprint=sound,
            raw_sha256=sound,
            received_at=clock.now(),
            late_window_s=0,
        )
    )
    assert msgspec.convert(record, ActivityReported).fingerprint == sound
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**record, field: sound[:place] + character + sound[place + 1 :]}, ActivityReported)
