"""The shelf: printed results of published methods, the sources of each document, and that none is in force."""

from typing import get_args

import msgspec
import pytest

from services.accounting.explaining.domain import explain
from services.accounting.judging.examples import run_example
from services.accounting.methodologies.document import ACT_KINDS, UNREPORTED_KINDS
from services.accounting.methodologies.library import library_factors
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.shelf import reportable, shelf, shelved_version, trust_of
from shared.contracts.activities_v1 import Act as ReportedAct
from tests.accounting.judging.acts import SCENES, act
from tests.accounting.methodologies.drafts import library_index

# Published results (or, where a factor is assumed, results computed by hand), in milligrams.
PRINTED = [
    pytest.param("TTXQ-STEPS-2021", 1, "7250 steps", 145_000, id="T6"),
    pytest.param("TTXQ-METRO-2021", 1, "a metro trip with proof", 274_000, id="T7, the proof"),
    pytest.param("TTXQ-METRO-2021", 1, "check-in after the proof of the same metro trip", 0, id="T7, the check-in"),
    pytest.param("BJ-TRAVEL-3043", 1, "metro 10 km", 720_000, id="T8"),
    pytest.param("BJ-TRAVEL-3043", 1, "bus 5 km", 260_000, id="T9"),
    pytest.param("BJ-TRAVEL-3043", 1, "bicycle 2.36 km", 224_908, id="T10"),
    pytest.param("BJ-TRAVEL-3043", 1, "walk, metro and bicycle", 966_950, id="T11"),
    pytest.param("CEC-BIKE", 1, "a ride of 2.36 km", 114_932, id="T13"),
    pytest.param("CQ-EBIKE-2023", 1, "a ride of 3 km", 129_000, id="T15"),
    pytest.param("HB-CSAE235-EV", 3, "10 km, Hubei 2023", 992_888, id="T16"),
    pytest.param("HB-CSAE235-EV", 2, "10 km, Hubei 2022", 944_888, id="T17, Hubei 2022"),
    pytest.param("HB-CSAE235-EV", 1, "10 km, Central China 2012", 810_938, id="T17, Central China 2012"),
    pytest.param("BJ-ICE2EV-2025", 1, "10 km", 1_530_000, id="T19"),
    pytest.param("HB-RESELEC-SZ2022", 1, "three persons, 6 kWh", 606_600, id="T20"),
    pytest.param("HB-RESELEC-SZ2022", 1, "above the baseline and above its own mean", 0, id="T22"),
    pytest.param("SH-PV-2024", 1, "1 MW over 1,100 hours is 462 t", 462 * 10**9, id="T23"),
    pytest.param("CACE-SECONDHAND-2023", 1, "a phone that replaces nine tenths", 51_903_000, id="T25"),
]


@pytest.mark.parametrize(("code", "version", "title", "expected_mg"), PRINTED)
def test_printed_results_are_reproduced(code: str, version: int, title: str, expected_mg: int) -> None:
    shelved = shelved_version(code, version).version
    [example] = [example for example in shelved.document.examples if example.title.en == title]
    assert run_example(example, shelved).amount_mg == example.expect_mg == expected_mg


def test_nothing_on_the_shelf_is_issuable_or_called_official() -> None:
    for item in shelf():
        assert not item.version.document.issuable
        assert trust_of(item.version) != "official"


def test_trust_is_the_weakest_source() -> None:
    found = {item.version.code: (item.version.document.source_status, trust_of(item.version)) for item in shelf()}
    assert found["SH-PV-2024"] == ("secondary", "secondary")
    assert found["BJ-TRAVEL-3043"] == ("secondary", "unverified")
    assert found["TTXQ-STEPS-2021"] == ("published_app_value", "published_app_value")


def test_shelf_documents_overlap_neither_each_other_nor_the_app() -> None:
    """A programme may adopt any of them without an edit of another. The rules of the city still go first."""
    app = library_index()
    together = MethodologyIndex([*app, *(item.version for item in shelf())])
    for scene in SCENES:
        assert together.find(act(scene)) is app.find(act(scene)) is not None


def test_national_standard_in_force_would_apply_in_wuhan() -> None:
    """The reason not to publish the shelf: nobody decided that a shared car in Wuhan earns by this standard."""
    shared = act("ev_ride", propulsion_type="combustion", trip_type="shared")
    assert library_index().find(shared) is None
    found = MethodologyIndex(item.version for item in shelf()).find(shared)
    assert found is not None
    assert found.code == "CCAA38-CARPOOL"


def test_the_day_of_a_trip_picks_the_vintage_of_the_grid() -> None:
    index = MethodologyIndex(item.version for item in shelf() if item.version.code == "HB-CSAE235-EV")
    vintages = {}
    for day in ("2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01"):
        found = index.find(act("ev_ride", f"{day}T08:00:00"))
        assert found is not None
        vintages[day] = (found.version, found.factors["grid"].id, found.factors["grid"].vintage)
    assert vintages == {
        "2024-12-31": (1, "grid.central_china", 2012),
        "2025-01-01": (2, "grid.hubei", 2022),
        "2025-12-31": (2, "grid.hubei", 2022),
        "2026-01-01": (3, "grid.hubei", 2023),
    }


def test_the_joint_standard_is_the_same_in_its_three_provinces() -> None:
    own = {"code", "title", "issuer", "document", "region"}
    one, two, three = (
        shelved_version(f"{province}-TRAVEL-3043", 1).version.document.model_dump(exclude=own)
        for province in ("BJ", "TJ", "HE")
    )
    assert one == two == three


def test_every_act_kind_is_reportable_or_listed_as_unreported() -> None:
    [literal] = [field.type for field in msgspec.structs.fields(ReportedAct) if field.name == "kind"]
    assert set(ACT_KINDS.values()) - UNREPORTED_KINDS == set(get_args(literal))
    assert {version.kind for version in library_index()} & UNREPORTED_KINDS == set()
    assert {item.version.code for item in shelf() if not reportable(item.version)} == {
        "BJ-TRAVEL-3043", "TJ-TRAVEL-3043", "HE-TRAVEL-3043", "HB-RESELEC-SZ2022", "SH-PV-2024",
        "CACE-SECONDHAND-2023",
    }  # fmt: skip


def test_every_shipped_factor_is_used_or_a_vintage_to_compare_with() -> None:
    versions = [*library_index(), *(item.version for item in shelf())]
    used = {(ref.factor_id, ref.vintage) for version in versions for ref in version.factor_refs}
    assert library_factors().keys() - used == {("grid.china", 2023)}


def test_household_saving_is_explained_against_its_own_last_week() -> None:
    shelved = shelved_version("HB-RESELEC-SZ2022", 1).version
    explained = explain(run_example(shelved.document.examples[1], shelved), shelved)
    assert [step.zh for step in explained.steps] == [
        "3 人 × 2.5 度/人 = 7.5 度",
        "9 度 ≤ 7.5 度：不成立",
        "10.2 度 − 9 度 = 1.2 度",
        "较大值（0 度，1.2 度） = 1.2 度",
        "1.2 度 × 0.4044 千克/度 = 485.28 克",
    ]
    assert "前七天日均用电" in (explained.formula.zh if explained.formula else "")
