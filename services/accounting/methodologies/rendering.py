"""Formulas for people: in words, and step by step with the numbers of an act."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounting.methodologies.evaluation import Value, apply_binary, apply_call, compare_values
from services.accounting.methodologies.expression import Binary, Call, Compare, Name, Negate, Node, Number
from services.accounting.methodologies.units import Dimension, Unit, co2e, dimensionless, display_unit, parse_unit
from shared.amounts import exact
from shared.language import Text

MAX_DECIMALS: Final = 6  # of shown numbers; the calculation is exact
_SIGNS: Final = {"+": " + ", "-": " − ", "*": " × ", "/": " ÷ ", "<=": " ≤ ", ">=": " ≥ ", "==": " = "}
_WORDS: Final = {
    "zh": {"min": "较小值", "max": "较大值", "if": "如果", "floor": "取整", "clamp": "限制在范围内"},
    "en": {"min": "min", "max": "max", "if": "if", "floor": "floor", "clamp": "clamp"},
}
_PRECEDENCE: Final = {"+": 1, "-": 1, "*": 2, "/": 2}


def decimal_text(value: Value) -> str:
    """Return a value with at most six decimals. A leading "≈" marks omitted digits."""
    exact = Fraction(value)
    scaled, rest = divmod(abs(exact) * 10**MAX_DECIMALS, 1)
    whole, digits = divmod(int(scaled), 10**MAX_DECIMALS)
    fraction = f"{digits:0{MAX_DECIMALS}d}".rstrip("0")
    sign = "−" if exact < 0 else ""
    return f"{'≈' if rest else ''}{sign}{whole}{'.' + fraction if fraction else ''}"


def quantity_text(value: Value, unit: Unit, language: str) -> str:
    """Return a value in base units as text in `unit`: 2360 m as "2.36 公里".

    An amount of CO2e has the unit of its size, as everywhere: grams below a kilogram, then kilograms, then tonnes.
    """
    if unit.dimension == co2e():
        return _amount_text(Fraction(value), language)
    label = unit.label(language)
    number = decimal_text(Fraction(value) / unit.ratio)
    return f"{number} {label}" if label else number


def _amount_text(amount_mg: Fraction, language: str) -> str:
    if amount_mg.denominator == 1:
        text = exact(int(amount_mg))
        return text.zh if language == "zh" else text.en
    size = abs(amount_mg)
    name = "gCO2e" if size < 10**6 else "kgCO2e" if size < 10**9 else "tCO2e"
    unit = parse_unit(name)
    return f"{decimal_text(amount_mg / unit.ratio)} {unit.label(language)}"


def formula_text(tree: Node, titles: Mapping[str, str], language: str) -> str:
    """Return the formula with every name in words, e.g. 骑行里程 × 骑行每公里减排量."""
    return _text(tree, language, lambda name: titles[name], 0)


def _text(node: Node, language: str, named: Callable[[str], str], outer: int) -> str:
    match node:
        case Number(_, digits, unit):
            label = unit.label(language) if unit else ""
            return f"{digits} {label}" if label else digits
        case Name(_, name):
            return named(name)
        case Negate(_, operand):
            return f"−{_text(operand, language, named, 3)}"
        case Binary(_, operator, left, right):
            level = _PRECEDENCE[operator]
            text = _text(left, language, named, level) + _SIGNS[operator] + _text(right, language, named, level + 1)
            return f"（{text}）" if level < outer and language == "zh" else f"({text})" if level < outer else text
        case Compare(_, operator, left, right):
            sign = _SIGNS.get(operator, f" {operator} ")
            return _text(left, language, named, 0) + sign + _text(right, language, named, 0)
        case Call(_, function, arguments):
            parts = [_text(argument, language, named, 0) for argument in arguments]
            if language == "zh":
                return f"{_WORDS['zh'][function]}（{'，'.join(parts)}）"
            return f"{_WORDS['en'][function]}({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in base units, and the unit in which it is shown."""

    value: Value
    unit: Unit


class _StepWriter:
    """Computes a tree bottom-up and writes one line for every chain of operations of one kind.

    A line: 2.36 公里 × 40 克/公里 = 94.4 克.
    """

    def __init__(self, names: Mapping[str, Quantity]) -> None:
        self.names = names
        self.steps: list[Text] = []
        self.last: Quantity | None = None

    def value(self, node: Node) -> Quantity:
        match node:
            case Number(_, _, unit):
                shown = unit or Unit("1", Fraction(1), dimensionless())
                return Quantity(node.value, shown)
            case Name(_, name):
                return self.names[name]
            case Negate(_, operand):
                inner = self.value(operand)
                return Quantity(-inner.value, inner.unit)
            case Binary():
                return self.chain(node)
            case Call(_, "if", (condition, then, otherwise)):
                return self.value(then if self.holds(condition) else otherwise)
            case Call(_, function, arguments):
                return self.call(function, [self.value(argument) for argument in arguments])
            case Compare():
                raise AssertionError(node)  # occurs only inside `if`, which is handled above

    def holds(self, condition: Node) -> bool:
        assert isinstance(condition, Compare)  # the parser accepts nothing else there
        left, right = self.value(condition.left), self.value(condition.right)
        true = compare_values(condition.operator, left.value, right.value)

        def text(language: str) -> str:
            sign = _SIGNS.get(condition.operator, f" {condition.operator} ")
            return (
                quantity_text(left.value, left.unit, language) + sign + quantity_text(right.value, right.unit, language)
            )

        self.steps.append(
            Text(f"{text('zh')}：{'成立' if true else '不成立'}", f"{text('en')}: {'true' if true else 'false'}")
        )
        return true

    def chain(self, node: Binary) -> Quantity:
        level = _PRECEDENCE[node.operator]
        links: list[tuple[str, Node]] = []
        first: Node = node
        while isinstance(first, Binary) and _PRECEDENCE[first.operator] == level:
            links.append((first.operator, first.right))
            first = first.left
        start = self.value(first)
        terms = [("", start)]
        value: Value = start.value
        dimension: Dimension = start.unit.dimension
        for operator, part in reversed(links):
            term = self.value(part)
            terms.append((operator, term))
            value = apply_binary(operator, value, term.value)
            if operator == "*":
                dimension = dimension * term.unit.dimension
            elif operator == "/":
                dimension = dimension / term.unit.dimension
            elif not dimension:
                dimension = term.unit.dimension  # a bare 0 has the unit of the other side
        return self.write(terms, Quantity(value, display_unit(dimension)))

    def write(self, terms: list[tuple[str, Quantity]], result: Quantity) -> Quantity:
        def text(language: str) -> str:
            parts = [f"{_SIGNS[sign] if sign else ''}{_bracketed(term, language)}" for sign, term in terms]
            return f"{''.join(parts)} = {quantity_text(result.value, result.unit, language)}"

        self.steps.append(Text(text("zh"), text("en")))
        self.last = result
        return result

    def call(self, function: str, values: list[Quantity]) -> Quantity:
        unit = next((q.unit for q in values if q.unit.dimension), values[0].unit)
        result = Quantity(apply_call(function, [q.value for q in values]), unit)

        def text(language: str) -> str:
            parts = [quantity_text(q.value, unit if not q.unit.dimension else q.unit, language) for q in values]
            inside = ("，" if language == "zh" else ", ").join(parts)
            name = _WORDS[language][function]
            call = f"{name}（{inside}）" if language == "zh" else f"{name}({inside})"
            return f"{call} = {quantity_text(result.value, result.unit, language)}"

        self.steps.append(Text(text("zh"), text("en")))
        self.last = result
        return result


def _bracketed(term: Quantity, language: str) -> str:
    text = quantity_text(term.value, term.unit, language)
    return f"({text})" if term.value < 0 else text


def calculation_steps(tree: Node, names: Mapping[str, Quantity]) -> tuple[list[Text], Quantity]:
    """Return the calculation line by line, and the exact value of the formula. Raises NotComputable."""
    walk = _StepWriter(names)
    result = walk.value(tree)
    if walk.last is not result:  # the formula ends with a number, a name, a sign or a branch of `if`
        shown = Quantity(result.value, display_unit(result.unit.dimension))
        zh, en = (quantity_text(shown.value, shown.unit, language) for language in ("zh", "en"))
        walk.steps.append(Text(f"结果 = {zh}", f"result = {en}"))
    return walk.steps, result
