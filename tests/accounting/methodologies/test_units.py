from fractions import Fraction

import pytest

from services.accounting.methodologies.errors import FormulaFault
from services.accounting.methodologies.units import co2e, describe_dimension, display_unit, parse_unit


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("m", 1),
        ("km", 1_000),
        ("h", 3_600),
        ("kWh", 1_000),
        ("tCO2e", 10**9),
        ("gCO2e/km", 1),
        ("kgCO2e/kWh", 1_000),
        ("gCO2e/(person*km)", 1),
        ("L/km", Fraction(1, 1_000)),
        ("1", 1),
    ],
)
def test_unit_ratios_are_exact(text: str, ratio: Fraction | int) -> None:
    unit = parse_unit(text)
    assert unit.ratio == ratio
    assert isinstance(unit.ratio, Fraction)


def test_goods_and_co2e_have_different_dimensions() -> None:
    assert parse_unit("kg").dimension != parse_unit("kgCO2e").dimension
    assert parse_unit("gCO2e/kg").dimension != parse_unit("1").dimension
    assert parse_unit("kgCO2e").dimension == co2e()


def test_units_of_one_quantity_have_one_dimension() -> None:
    assert parse_unit("kgCO2e/MWh").dimension == parse_unit("mgCO2e/Wh").dimension
    assert parse_unit("km / h").dimension == parse_unit("m/s").dimension
    assert parse_unit("gCO2e/person/km").dimension == parse_unit("gCO2e/(person·km)").dimension


@pytest.mark.parametrize(
    "text", ["", "g CO2", "mile", "km/", "(km", "km)", "km**2", "km^2", "2km", "__import__", "*", "x" * 10_000]
)
def test_a_unit_outside_the_list_is_refused(text: str) -> None:
    with pytest.raises(FormulaFault) as fault:
        parse_unit(text)
    assert fault.value.code == "UNKNOWN_UNIT"


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("gCO2e/km", "克/公里", "g/km"),
        ("gCO2e/kWh", "克/度", "g/kWh"),
        ("gCO2e/(person*km)", "克/(人·公里)", "g/(person·km)"),
        ("1", "", ""),
    ],
)
def test_units_have_chinese_and_english_labels(text: str, zh: str, en: str) -> None:
    assert (parse_unit(text).label("zh"), parse_unit(text).label("en")) == (zh, en)


@pytest.mark.parametrize("text", ["gCO2e", "km", "L/km", "gCO2e/(person*km)", "kWh/km", "1", "person*km", "1/L"])
def test_a_value_can_be_shown_in_every_dimension(text: str) -> None:
    dimension = parse_unit(text).dimension
    assert display_unit(dimension).dimension == dimension
    assert parse_unit(describe_dimension(dimension)).dimension == dimension
