from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.methodologies.errors import FormulaFault, NotComputable
from services.accounting.methodologies.evaluation import compile_amount
from services.accounting.methodologies.expression import parse_formula
from services.accounting.methodologies.rendering import (
    Quantity,
    calculation_steps,
    decimal_text,
    formula_text,
    quantity_text,
)
from services.accounting.methodologies.units import parse_unit
from tests.accounting.methodologies.trees import TREES

TITLES = {"d": "里程", "petrol": "油车排放", "ev": "电车排放"}


def named(**values: tuple[int | str, str]) -> dict[str, Quantity]:
    return {
        name: Quantity(Fraction(value) * parse_unit(unit).ratio, parse_unit(unit))
        for name, (value, unit) in values.items()
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (5, "5"),
        (Fraction("2.36"), "2.36"),
        (Fraction(-1, 4), "−0.25"),
        (Fraction(1, 3), "≈0.333333"),
        (Fraction("0.0000001"), "≈0"),
        (10**15, "1000000000000000"),
    ],
)
def test_a_number_has_at_most_six_decimals(value: Fraction | int, text: str) -> None:
    assert decimal_text(value) == text


def test_a_quantity_is_shown_in_its_unit() -> None:
    assert quantity_text(2_360, parse_unit("km"), "zh") == "2.36 公里"
    assert quantity_text(2_360, parse_unit("km"), "en") == "2.36 km"
    assert quantity_text(3, parse_unit("1"), "zh") == "3"


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("d * (petrol - ev)", "里程 × （油车排放 − 电车排放）"),
        ("d * petrol - d * ev", "里程 × 油车排放 − 里程 × 电车排放"),
        ("d / (petrol / ev)", "里程 ÷ （油车排放 ÷ 电车排放）"),
        ("max(0, d) * 100 [km]", "较大值（0，里程） × 100 公里"),
        ("if(d > 2 [km], petrol, -ev)", "如果（里程 > 2 公里，油车排放，−电车排放）"),
    ],
)
def test_the_formula_is_shown_in_words(text: str, zh: str) -> None:
    assert formula_text(parse_formula(text), TITLES, "zh") == zh


def test_the_steps_show_the_numbers() -> None:
    tree = parse_formula("max(0, d * (petrol - ev) * 0.5)")
    lines, result = calculation_steps(tree, named(d=("2.5", "km"), petrol=(160, "gCO2e/km"), ev=(60, "gCO2e/km")))
    assert [line.zh for line in lines] == [
        "160 克/公里 − 60 克/公里 = 100 克/公里",
        "2.5 公里 × 100 克/公里 × 0.5 = 125 克",
        "较大值（0 克，125 克） = 125 克",
    ]
    assert lines[1].en == "2.5 km × 100 g/km × 0.5 = 125 g"
    assert result.value == 125_000


def test_a_formula_of_one_name_has_one_step() -> None:
    [line], _ = calculation_steps(parse_formula("d"), named(d=(7, "gCO2e")))
    assert line.zh == "结果 = 7 克"


def test_the_steps_show_the_branch_that_was_taken() -> None:
    tree = parse_formula("if(d > 2 [km], d * ev, 1 [gCO2e])")
    shown = [calculation_steps(tree, named(d=(km, "km"), ev=(60, "gCO2e/km")))[0] for km in (3, 1)]
    assert [[line.zh for line in lines] for lines in shown] == [
        ["3 公里 > 2 公里：成立", "3 公里 × 60 克/公里 = 180 克"],
        ["1 公里 > 2 公里：不成立", "结果 = 1 克"],
    ]


@given(TREES, st.integers(0, 1_000), st.integers(0, 1_000))
def test_the_steps_end_with_the_compiled_value(text: str, x: int, y: int) -> None:
    """Citizens see the computed amount."""
    tree = parse_formula(text)
    try:
        _, result = calculation_steps(tree, named(x=(x, "1"), y=(y, "1")))
    except NotComputable:
        return
    try:
        amount = compile_amount(tree, {}, {"x": 0, "y": 1}, Fraction(1))
    except FormulaFault:  # a constant division by zero in a branch that was not taken
        return
    assert result.value // 1 == amount([x, y])
