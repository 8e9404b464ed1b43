"""Exact values of formulas. A tree is compiled once to a closure from inputs to milligrams.

Almost every published formula is a product of factors and inputs. Such a tree becomes one ratio of integers, so an act
costs one multiplication and one floor division. Other formulas run on exact fractions. In both cases the result is
floored once, at the end, after the evidence multiplier.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounting.methodologies.errors import FormulaFault, NotComputable
from services.accounting.methodologies.expression import Binary, Call, Compare, Name, Negate, Node, Number
from shared.language import Text

Value = int | Fraction
Values = Sequence[Value]  # the inputs in base units, in the order of their slots
Formula = Callable[[Values], Value]
Amount = Callable[[Values], int]

_COMPARE: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "<": lambda one, two: one < two,
    "<=": lambda one, two: one <= two,
    ">": lambda one, two: one > two,
    ">=": lambda one, two: one >= two,
    "==": lambda one, two: one == two,
}


def apply_binary(operator: str, left: Value, right: Value) -> Value:
    """Apply + - * or /. Raises NotComputable on a division by zero."""
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if right == 0:
        raise NotComputable("division by zero")
    return Fraction(left) / right


def apply_call(function: str, values: Sequence[Value]) -> Value:
    """Apply a function that needs all its arguments: every one except `if`."""
    if function == "min":
        return min(values)
    if function == "max":
        return max(values)
    if function == "floor":
        return values[0] // 1
    low, high = values[1], values[2]
    return max(low, min(values[0], high))


def compare_values(operator: str, left: Value, right: Value) -> bool:
    return _COMPARE[operator](left, right)


@dataclass(frozen=True, slots=True)
class _Ratio:
    """coefficient * product(inputs above) / product(inputs below)"""

    coefficient: Fraction
    above: tuple[int, ...] = ()
    below: tuple[int, ...] = ()


def _ratio(coefficient: Fraction, above: tuple[int, ...], below: tuple[int, ...]) -> _Ratio:
    """Return a ratio with sorted inputs, so that terms with the same inputs can be recognised and added."""
    return _Ratio(coefficient, tuple(sorted(above)), tuple(sorted(below)))


def _as_ratio(node: Node, constants: Mapping[str, Fraction], slots: Mapping[str, int]) -> _Ratio | None:
    match node:
        case Number():
            return _Ratio(node.value)
        case Name(_, name):
            return _Ratio(constants[name]) if name in constants else _Ratio(Fraction(1), (slots[name],))
        case Negate(_, operand):
            inner = _as_ratio(operand, constants, slots)
            return inner and _Ratio(-inner.coefficient, inner.above, inner.below)
        case Binary(_, "+" | "-" as operator, left, right):
            one, two = _as_ratio(left, constants, slots), _as_ratio(right, constants, slots)
            if one is None or two is None or (one.above, one.below) != (two.above, two.below):
                return None
            added = one.coefficient + two.coefficient if operator == "+" else one.coefficient - two.coefficient
            return _Ratio(added, one.above, one.below)
        case Binary(place, "*" | "/" as operator, left, right):
            one, two = _as_ratio(left, constants, slots), _as_ratio(right, constants, slots)
            if one is None or two is None:
                return None
            if operator == "*":
                return _ratio(one.coefficient * two.coefficient, one.above + two.above, one.below + two.below)
            if two.below:
                return None  # x / (1 / y): cancelling would hide a zero y
            if two.coefficient == 0:
                raise FormulaFault(
                    "DIVISION_BY_ZERO", Text("除数恒为零。", "The divisor is always zero."),
                    line=place.line, column=place.column,
                )  # fmt: skip
            return _ratio(one.coefficient / two.coefficient, one.above, one.below + two.above)
        case _:
            return None


def _ratio_formula(ratio: _Ratio) -> Formula:
    coefficient, above, below = ratio.coefficient, ratio.above, ratio.below

    def evaluate(values: Values) -> Value:
        result: Value = coefficient
        for slot in above:
            result *= values[slot]
        for slot in below:
            result = apply_binary("/", result, values[slot])
        return result

    return evaluate


def _formula(node: Node, constants: Mapping[str, Fraction], slots: Mapping[str, int]) -> Formula:
    ratio = _as_ratio(node, constants, slots)
    if ratio is not None:
        if not ratio.above and not ratio.below:
            constant = ratio.coefficient
            return lambda _: constant
        return _ratio_formula(ratio)
    match node:
        case Negate(_, operand):
            inner = _formula(operand, constants, slots)
            return lambda values: -inner(values)
        case Binary(_, operator, left, right):
            one, two = _formula(left, constants, slots), _formula(right, constants, slots)
            return lambda values: apply_binary(operator, one(values), two(values))
        case Call(_, "if", (Compare(_, operator, left, right), then, otherwise)):
            compare = _COMPARE[operator]
            one, two = _formula(left, constants, slots), _formula(right, constants, slots)
            yes, no = _formula(then, constants, slots), _formula(otherwise, constants, slots)
            return lambda values: yes(values) if compare(one(values), two(values)) else no(values)
        case Call(_, function, arguments):
            parts = [_formula(argument, constants, slots) for argument in arguments]
            return lambda values: apply_call(function, [part(values) for part in parts])
        case _:
            raise AssertionError(node)  # numbers and names are ratios; comparisons occur only in `if`


def compile_amount(
    node: Node, constants: Mapping[str, Fraction], slots: Mapping[str, int], multiplier: Fraction
) -> Amount:
    """Return a closure from the inputs to whole milligrams: floor(formula * multiplier).

    `constants` are in base units. `slots` give the place of each input. The closure raises NotComputable on a division
    by zero. A divisor that is always zero raises FormulaFault here.
    """
    ratio = _as_ratio(node, constants, slots)
    if ratio is None:
        formula = _formula(node, constants, slots)
        return lambda values: formula(values) * multiplier // 1
    exact = ratio.coefficient * multiplier
    numerator, denominator = exact.numerator, exact.denominator
    if not ratio.above and not ratio.below:
        fixed = numerator // denominator
        return lambda _: fixed
    if len(ratio.above) == 1 and not ratio.below:
        slot = ratio.above[0]
        return lambda values: numerator * values[slot] // denominator
    formula = _ratio_formula(_Ratio(exact, ratio.above, ratio.below))
    return lambda values: formula(values) // 1
