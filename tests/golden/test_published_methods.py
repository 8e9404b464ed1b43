"""Formulas and printed results of published methods (T8–T25), to show that the language can say them exactly.

Their factors are second-hand, which is why they are tests and not documents of the library.
"""

import pytest

from tests.accounting.methodologies.drafts import compiled, factor, formula

JJJ = {"baseline": ("gCO2e/(person*km)", "104")}


def grams_mg(text: str, factors: dict[str, tuple[str, str]], **inputs: int) -> int:
    version = formula(text, factors=factors)
    return version.raw_mg(inputs, "partner_signed", version.document.effective_from)


@pytest.mark.parametrize(
    ("mode", "distance_m", "expected_mg"),
    [
        pytest.param("32", 10_000, 720_000, id="T8 metro 10 km"),
        pytest.param("52", 5_000, 260_000, id="T9 bus 5 km"),
        pytest.param("8.7", 2_360, 224_908, id="T10 bike 2.36 km"),
    ],
)
def test_beijing_tianjin_hebei_low_carbon_travel(mode: str, distance_m: int, expected_mg: int) -> None:
    factors = JJJ | {"project": ("gCO2e/(person*km)", mode)}
    text = "people * distance * baseline - people * distance * project"
    assert grams_mg(text, factors, distance_m=distance_m, passenger_count=1) == expected_mg


@pytest.mark.parametrize(
    ("per_km", "distance_m", "expected_mg"),
    [
        pytest.param("48.7", 2_360, 114_932, id="T13 China Environmental United, bike"),
        pytest.param("43", 3_000, 129_000, id="T15 Chongqing, shared e-bike"),
        pytest.param("153", 10_000, 1_530_000, id="T19 Beijing, petrol car replaced"),
    ],
)
def test_per_kilometre(per_km: str, distance_m: int, expected_mg: int) -> None:
    assert grams_mg("distance * per_km", {"per_km": ("gCO2e/km", per_km)}, distance_m=distance_m) == expected_mg


@pytest.mark.parametrize(
    ("grid", "expected_mg"),
    [
        pytest.param("0.4044", 992_888, id="T16 Hubei 2023"),
        pytest.param("0.4364", 944_888, id="T17 Hubei 2022"),
        pytest.param("0.5257", 810_938, id="T17 Central China 2012"),
    ],
)
def test_electric_car_against_petrol(grid: str, expected_mg: int) -> None:
    factors = {
        "petrol": ("kgCO2e/L", "2.272"),
        "consumption": ("L/km", "0.0704"),
        "electricity": ("kWh/km", "0.15"),
        "grid": ("kgCO2e/kWh", grid),
    }
    text = "distance * (consumption * petrol - electricity * grid)"
    assert grams_mg(text, factors, distance_m=10_000) == expected_mg


@pytest.mark.parametrize(
    ("energy_wh", "expected_mg"),
    [
        pytest.param(6_000, 606_600, id="T20 below the baseline"),
        pytest.param(11_000, 0, id="T22 above baseline and own average"),
    ],
)
def test_residential_electricity(energy_wh: int, expected_mg: int) -> None:
    """Shenzhen: three persons of 2.5 kWh a day against the meter, or else against one's own last seven days."""
    known = {("test.per_person", 2024): factor("test.per_person", "kWh/person", "2.5")}
    known |= {("test.average", 2024): factor("test.average", "kWh", "10.2")}
    known |= {("test.grid", 2024): factor("test.grid", "kgCO2e/kWh", "0.4044")}
    version = compiled(
        "WH-APP-POWER",
        known=known,
        inputs={"used": {"title": {"zh": "用电", "en": "electricity used"}, "unit": "kWh", "from": "energy_wh"}},
        factors=[{"name": n, "factor_id": f"test.{n}", "vintage": 2024} for n in ("per_person", "average", "grid")],
        formula="if(used <= 3 [person] * per_person, 3 [person] * per_person - used, max(0, average - used)) * grid",
    )
    assert version.raw_mg({"energy_wh": energy_wh}, "partner_signed", version.document.effective_from) == expected_mg


def test_second_hand_phone_reproduces_the_printed_figure() -> None:
    """T25: 73 kg over the life cycle, 79 % of it production, nine tenths of a new one replaced."""
    known = {("test.phone", 2024): factor("test.phone", "kgCO2e/piece", "73")}
    version = compiled(
        "WH-APP-BAG",
        known=known,
        factors=[{"name": "phone", "factor_id": "test.phone", "vintage": 2024}],
        formula="bags * phone * 0.79 * 0.9",
    )
    assert version.raw_mg({"count": 1}, "partner_signed", version.document.effective_from) == 51_903_000


def test_a_megawatt_of_solar_is_462_tonnes_not_millions_of_them() -> None:
    """T23: the press printed 462万吨; with units in the formula the factor of ten thousand has nowhere to hide."""
    known = {("test.grid", 2024): factor("test.grid", "kgCO2e/kWh", "0.42")}
    version = compiled(
        "WH-APP-POWER", known=known, factors=[{"name": "per_kwh", "factor_id": "test.grid", "vintage": 2024}]
    )
    inputs = {"energy_wh": 1_000_000 * 1_100}
    assert version.raw_mg(inputs, "partner_signed", version.document.effective_from) == 462 * 10**9
