from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.methodologies.errors import FormulaFault, NotComputable
from services.accounting.methodologies.evaluation import compile_amount
from services.accounting.methodologies.expression import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NODES,
    Binary,
    Call,
    Compare,
    Name,
    Negate,
    Node,
    Number,
    check_units,
    names_of,
    parse_formula,
)
from services.accounting.methodologies.units import parse_unit
from tests.accounting.methodologies.trees import TREES

NAMES = {name: parse_unit(unit).dimension for name, unit in {"d": "km", "w": "kg", "f": "gCO2e/km", "r": "1"}.items()}


def value(text: str, **inputs: Fraction | int) -> int:
    slots = {name: place for place, name in enumerate(inputs)}
    return compile_amount(parse_formula(text), {}, slots, Fraction(1))(list(inputs.values()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("100 / 5 / 2", 10),
        ("2 * -3 + 10", 4),
        ("7 / 2", 3),
        ("-7 / 2", -4),
        ("1 / 3 * 3", 1),
        ("0.1 + 0.2 == 0.3", None),
        ("if(0.1 + 0.2 == 0.3, 1, 2)", 1),
        ("if(2 >= 3, 1, 2)", 2),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("floor(7 / 2) * 2", 6),
        ("clamp(9, 1, 5)", 5),
        ("clamp(0, 1, 5)", 1),
        ("1.5 [km] / 1 [m]", 1500),
        ("2 [kWh]", 2000),
        ("3 [gCO2e]", 3000),
    ],
)
def test_formulas_have_exact_values(text: str, expected: int | None) -> None:
    if expected is None:  # a comparison is not a value
        with pytest.raises(FormulaFault):
            parse_formula(text)
    else:
        assert value(text) == expected


def test_only_the_branch_taken_is_computed() -> None:
    assert value("if(x > 0, 10 / x, 99)", x=0) == 99
    assert value("if(x > 0, 10 / x, 99)", x=3) == 3


@pytest.mark.parametrize("text", ["10 / x", "10 / (x + x)", "1 / (1 / x)", "x / x", "floor(1 / x)"])
def test_a_division_by_zero_is_not_computable(text: str) -> None:
    with pytest.raises(NotComputable):
        value(text, x=0)


def test_a_divisor_that_is_always_zero_is_found_when_compiling() -> None:
    with pytest.raises(FormulaFault) as fault:
        value("x / 0", x=1)
    assert fault.value.code == "DIVISION_BY_ZERO"


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "SYNTAX", 1, 1),
        ("d *", "SYNTAX", 1, 4),
        ("d d", "SYNTAX", 1, 3),
        ("(d", "SYNTAX", 1, 3),
        ("d + $", "UNEXPECTED_CHARACTER", 1, 5),
        ("d\n  + * w", "SYNTAX", 2, 5),
        ("1e6", "SYNTAX", 1, 2),
        (".5", "UNEXPECTED_CHARACTER", 1, 1),
        ("--d", "SYNTAX", 1, 2),
        ("d < w", "SYNTAX", 1, 3),
        ("if(d, 1, 2)", "SYNTAX", 1, 5),
        ("if(1 < d < 3, 1, 2)", "SYNTAX", 1, 10),
        ("min(d)", "ARGUMENTS", 1, 1),
        ("clamp(d, 1)", "ARGUMENTS", 1, 1),
        ("min d", "SYNTAX", 1, 5),
        ("2 [furlong]", "UNKNOWN_UNIT", 1, 3),
        ("d [km]", "SYNTAX", 1, 3),
        ("d.__class__", "UNEXPECTED_CHARACTER", 1, 2),
        ("__import__('os')", "UNEXPECTED_CHARACTER", 1, 1),
        ("d ** 2", "SYNTAX", 1, 4),
        ("1" * 31, "NUMBER_TOO_LONG", 1, 1),
        ("1" * (MAX_LENGTH + 1), "FORMULA_TOO_LONG", 1, 1),
    ],
)
def test_faults_have_line_and_column(text: str, code: str, line: int, column: int) -> None:
    with pytest.raises(FormulaFault) as fault:
        parse_formula(text)
    assert (fault.value.code, fault.value.line, fault.value.column) == (code, line, column)


def test_depth_and_size_are_bounded() -> None:
    parse_formula("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1))
    with pytest.raises(FormulaFault, match="FORMULA_TOO_DEEP"):
        parse_formula("(" * 400 + "1" + ")" * 400)
    with pytest.raises(FormulaFault, match="FORMULA_TOO_DEEP"):
        parse_formula("max(1," * 100 + "1" + ")" * 100)
    parse_formula("+".join("1" * (MAX_NODES // 2)))
    with pytest.raises(FormulaFault, match="FORMULA_TOO_LARGE"):
        parse_formula("+".join("1" * (MAX_NODES // 2 + 1)))


@pytest.mark.parametrize(
    "text",
    [
        "d * f",
        "max(0, d * f)",
        "d * f - 3 [gCO2e]",
        "r * d * f",
        "if(d > 2 [km], d * f, 0)",
        "d * f * floor(d / 1 [km]) / 2",
        "clamp(d, 0, 5 [km]) * f",
        "-d * f",
        "w * 2 [gCO2e/kg]",
        "0",
    ],
)
def test_formulas_with_consistent_units_are_accepted(text: str) -> None:
    check_units(parse_formula(text), NAMES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("d", "RESULT_NOT_CO2E"),
        ("d * f * d", "RESULT_NOT_CO2E"),
        ("w", "RESULT_NOT_CO2E"),
        ("r", "RESULT_NOT_CO2E"),
        ("d + w", "UNITS_DIFFER"),
        ("d * f + w", "UNITS_DIFFER"),
        ("d * f + 1", "UNITS_DIFFER"),
        ("d * f - r", "UNITS_DIFFER"),
        ("if(d > 1, d * f, 0)", "UNITS_DIFFER"),
        ("if(d > 1 [km], d * f, r)", "UNITS_DIFFER"),
        ("min(d, w) * f", "UNITS_DIFFER"),
        ("clamp(d, 0, 5) * f", "UNITS_DIFFER"),
        ("floor(d) * f * 1 [km]", "UNITS_DIFFER"),
        ("x * f", "UNKNOWN_NAME"),
    ],
)
def test_formulas_with_inconsistent_units_are_refused(text: str, code: str) -> None:
    with pytest.raises(FormulaFault) as fault:
        check_units(parse_formula(text), NAMES)
    assert fault.value.code == code


def write(node: Node) -> str:
    """Return a tree as text with all brackets."""
    match node:
        case Number(_, text, _):
            return text
        case Name(_, name):
            return name
        case Negate(_, operand):
            return f"-({write(operand)})"
        case Binary(_, operator, left, right):
            return f"({write(left)}) {operator} ({write(right)})"
        case Compare(_, operator, left, right):
            return f"{write(left)} {operator} {write(right)}"
        case Call(_, function, arguments):
            return f"{function}({', '.join(write(argument) for argument in arguments)})"


def python_value(node: Node, inputs: dict[str, Fraction]) -> Fraction:
    """Return the value of a tree with Python's rationals. Raises ZeroDivisionError."""
    match node:
        case Number(_, text, _):
            return Fraction(text)
        case Name(_, name):
            return inputs[name]
        case Negate(_, operand):
            return -python_value(operand, inputs)
        case Binary(_, operator, left, right):
            one, two = python_value(left, inputs), python_value(right, inputs)
            return {"+": one.__add__, "-": one.__sub__, "*": one.__mul__, "/": one.__truediv__}[operator](two)
        case Call(_, "if", (Compare(_, operator, left, right), then, otherwise)):
            one, two = python_value(left, inputs), python_value(right, inputs)
            true = {"<": one < two, "<=": one <= two, ">": one > two, ">=": one >= two, "==": one == two}[operator]
            return python_value(then if true else otherwise, inputs)
        case Call(_, "floor", (argument,)):
            return Fraction(python_value(argument, inputs) // 1)
        case Call(_, function, arguments):
            return {"min": min, "max": max}[function](python_value(argument, inputs) for argument in arguments)
        case _:
            raise AssertionError(node)


@given(TREES, st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["1", "0.5", "0.333"]))
def test_a_compiled_formula_equals_its_tree(text: str, x: int, y: int, multiplier: str) -> None:
    """Compiled closures with folded ratios give the value of the plain tree."""
    tree = parse_formula(text)
    try:
        expected = python_value(tree, {"x": Fraction(x), "y": Fraction(y)}) * Fraction(multiplier) // 1
    except ZeroDivisionError:
        with pytest.raises((NotComputable, FormulaFault)):
            compile_amount(tree, {}, {"x": 0, "y": 1}, Fraction(multiplier))([x, y])
        return
    try:
        got = compile_amount(tree, {}, {"x": 0, "y": 1}, Fraction(multiplier))([x, y])
    except FormulaFault:  # a division by a constant zero, if only in a branch not taken
        assert "/" in text
        return
    assert got == expected
    assert type(got) is int


@given(TREES)
def test_a_written_tree_parses_back(text: str) -> None:
    tree = parse_formula(text)
    again = parse_formula(write(tree))
    assert write(again) == write(tree)
    assert sorted(names_of(again)) == sorted(names_of(tree))


def fault_place(text: str) -> tuple[int, int]:
    try:
        parse_formula(text)
    except FormulaFault as fault:
        return fault.line, fault.column
    return 1, 1


@given(st.text(max_size=60) | st.text("dw0123456789.+-*/()[],<>=kmifn \n", max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    line, column = fault_place(text)
    assert 1 <= line <= text.count("\n") + 1
    assert 1 <= column <= len(text) + 1
