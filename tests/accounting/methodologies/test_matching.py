from datetime import date
from typing import Any

import pytest

from services.accounting.methodologies.compiled import Compiled, factor_set
from services.accounting.methodologies.errors import AmbiguousMethodologies, CapMismatch
from services.accounting.methodologies.matching import MAX_REMEMBERED, MethodologyIndex
from tests.accounting.judging.acts import act
from tests.accounting.methodologies.drafts import compiled, factor, library_index

EVERYWHERE = factor_set(
    [factor("wuhan.app.bike", "gCO2e/km", "40"), factor("wuhan.app.electric_car", "gCO2e/trip", "9")]
)


def version(number: int = 1, base: str = "WH-APP-BIKE", **changes: Any) -> Compiled:
    return compiled(base, known=EVERYWHERE, version=number, **changes)


def found(index: MethodologyIndex, scene: str = "bike", at: str = "2026-06-15T08:00:00", **changes: Any) -> str | None:
    match = index.find(act(scene, at, **changes))
    return match.label if match else None


@pytest.mark.parametrize(
    ("scene", "code"),
    [
        ("bus", "WH-APP-BUS v1"),
        ("metro", "WH-APP-METRO v1"),
        ("ev_ride", "WH-APP-EV v1"),
        ("bike", "WH-APP-BIKE v1"),
        ("own_bag", "WH-APP-BAG v1"),
        ("recycling", "WH-APP-RECYCLE v1"),
        ("power_saving", "WH-APP-POWER v1"),
    ],
)
def test_every_scene_of_the_app_has_a_methodology(scene: str, code: str) -> None:
    assert found(library_index(), scene) == code


@pytest.mark.parametrize(
    ("scene", "changes"),
    [
        ("ev_ride", {"propulsion_type": "combustion"}),
        ("ev_ride", {"propulsion_type": "plug_in_hybrid"}),
        ("ev_ride", {"propulsion_type": None}),
        ("ev_ride", {"vehicle_type": "truck"}),
        ("ev_ride", {"trip_type": "empty"}),
        ("bike", {"propulsion_type": "electric"}),
        ("bus", {"vehicle_type": None}),
        ("bus", {"kind": "trip"}),
        ("bus", {"city_code": "420500"}),
        ("bus", {"city_code": "420000"}),
        ("bus", {"city_code": "110100"}),
    ],
)
def test_acts_outside_the_programme_have_no_methodology(scene: str, changes: dict[str, Any]) -> None:
    assert found(library_index(), scene, **changes) is None


@pytest.mark.parametrize(
    ("scene", "changes"),
    [
        ("ev_ride", {"trip_type": None}),
        ("ev_ride", {"trip_type": "shared"}),
        ("bike", {"propulsion_type": "human"}),
        ("bike", {"propulsion_type": "electric_assist"}),
        ("bike", {"city_code": "420106"}),
        ("recycling", {"material": None}),
    ],
)
def test_a_constraint_accepts_its_values_and_only_if_listed_an_absent_one(scene: str, changes: dict[str, Any]) -> None:
    assert found(library_index(), scene, **changes) is not None


def test_a_version_applies_on_local_days_until_before_its_end() -> None:
    index = MethodologyIndex([version(effective_from="2026-06-01", effective_to="2026-07-01")])
    assert found(index, at="2026-05-31T23:59:59") is None
    assert found(index, at="2026-06-01T00:00:00") == "WH-APP-BIKE v1"
    assert found(index, at="2026-06-30T23:59:59") == "WH-APP-BIKE v1"
    assert found(index, at="2026-07-01T00:00:00") is None


def test_a_successor_ends_a_version_without_changing_its_document() -> None:
    first, second = version(1), version(2, effective_from="2026-06-15")
    with pytest.raises(AmbiguousMethodologies) as refused:
        MethodologyIndex([first, second])
    assert refused.value.params["since"] == date(2026, 6, 15)
    index = MethodologyIndex([first, second], {("WH-APP-BIKE", 1): date(2026, 6, 15)})
    assert found(index, at="2026-06-14T23:59:59") == "WH-APP-BIKE v1"
    assert found(index, at="2026-06-15T00:00:00") == "WH-APP-BIKE v2"
    assert index.version("WH-APP-BIKE", 1) is first
    assert index.version("WH-APP-BIKE", 3) is None


def test_the_methodology_of_the_most_specific_region_wins() -> None:
    index = MethodologyIndex(
        [
            version(code="CN-BIKE", region=""),
            version(code="HB-BIKE", region="42"),
            version(code="WH-BIKE", region="420100", effective_from="2026-06-15"),
        ]
    )
    assert found(index, city_code="420100") == "WH-BIKE v1"
    assert found(index, city_code="420111") == "WH-BIKE v1"
    assert found(index, city_code="420100", at="2026-06-14T12:00:00") == "HB-BIKE v1"
    assert found(index, city_code="420500") == "HB-BIKE v1"
    assert found(index, city_code="110100") == "CN-BIKE v1"


def test_two_methodologies_for_one_act_are_refused() -> None:
    electric = {"event": "trip.completed", "vehicle_type": ["bicycle", "moped"], "propulsion_type": ["electric_assist"]}
    with pytest.raises(AmbiguousMethodologies):
        MethodologyIndex([version(), version(code="WH-EBIKE", applies_to=electric)])
    moped = electric | {"vehicle_type": ["moped"]}
    assert found(MethodologyIndex([version(), version(code="WH-MOPED", applies_to=moped)])) == "WH-APP-BIKE v1"


def test_two_versions_of_one_code_are_refused_even_for_different_vehicles() -> None:
    moped = {"event": "trip.completed", "vehicle_type": ["moped"]}
    with pytest.raises(AmbiguousMethodologies):
        MethodologyIndex([version(1), version(2, applies_to=moped)])


def test_one_cap_id_for_different_caps_is_refused() -> None:
    cap = {"id": "bike.daily_acts", "per": "account", "zh": "满", "en": "full"}
    monthly = cap | {"period": "month", "code": "MONTHLY_CAP", "acts": 9}
    daily = cap | {"period": "day", "code": "DAILY_CAP", "acts": 1}
    later = {"effective_from": "2026-01-01"}
    ends = {("WH-APP-BIKE", 1): date(2026, 1, 1)}
    MethodologyIndex([version(1), version(2, caps=[daily], **later)], ends)
    with pytest.raises(CapMismatch):
        MethodologyIndex([version(1), version(2, caps=[monthly], **later)], ends)


def test_invented_values_do_not_grow_the_cache() -> None:
    index = MethodologyIndex([version()])
    for number in range(MAX_REMEMBERED + 10):
        assert found(index, material=f"m{number}") == "WH-APP-BIKE v1"
    assert len(index._remembered) <= MAX_REMEMBERED
