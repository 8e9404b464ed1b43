"""The formula language: typed expressions over named quantities, parsed once into a tree.

    sum        := product (("+" | "-") product)*
    product    := unary (("*" | "/") unary)*
    unary      := "-" unary | primary
    primary    := number ["[" unit "]"] | name | function "(" argument ("," argument)* ")" | "(" sum ")"
    condition  := sum ("<" | "<=" | ">" | ">=" | "==") sum          (only as the first argument of `if`)
    functions  := min max if floor clamp

Numbers are plain decimals without exponents, read as exact rationals. The parser never uses Python's `eval`. Every
bound below is far above the need of real formulas.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from services.accounting.methodologies.errors import FormulaFault
from services.accounting.methodologies.units import Dimension, Unit, co2e, describe_dimension, dimensionless, parse_unit
from shared.language import Text

MAX_LENGTH: Final = 1_000  # the longest published formula has about 120 characters
MAX_DEPTH: Final = 32  # keeps the recursive parser and evaluator far below Python's recursion limit
MAX_NODES: Final = 200
MAX_DIGITS: Final = 30  # bounds the size of exact results
FUNCTIONS: Final = {"min": (2, 8), "max": (2, 8), "if": (3, 3), "floor": (1, 1), "clamp": (3, 3)}  # arguments from, to
COMPARISONS: Final = ("<=", ">=", "==", "<", ">")

_TOKEN: Final = re.compile(
    r"(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<unit>\[[^\[\]]*\])"
    r"|(?P<symbol><=|>=|==|[-+*/(),<>])"
)


@dataclass(frozen=True, slots=True)
class Place:
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Number:
    place: Place
    text: str
    unit: Unit | None

    @property
    def value(self) -> Fraction:
        """The value in base units."""
        return Fraction(self.text) * (self.unit.ratio if self.unit else 1)


@dataclass(frozen=True, slots=True)
class Name:
    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Negate:
    place: Place
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    place: Place
    operator: str  # + - * /
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    place: Place
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    place: Place
    function: str
    arguments: tuple["Node", ...]


Node = Number | Name | Negate | Binary | Compare | Call


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Negate(_, operand):
            return (operand,)
        case Binary(_, _, left, right) | Compare(_, _, left, right):
            return (left, right)
        case Call(_, _, arguments):
            return arguments
        case _:
            return ()


def names_of(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    for child in children(node):
        yield from names_of(child)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: Place


def _fault(code: str, text: Text, place: Place) -> FormulaFault:
    return FormulaFault(code, text, line=place.line, column=place.column)


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_LENGTH:
        raise FormulaFault(
            "FORMULA_TOO_LONG", Text(f"公式超过 {MAX_LENGTH} 个字符。", f"More than {MAX_LENGTH} characters.")
        )
    tokens: list[_Token] = []
    position, line, line_start = 0, 1, 0
    while position < len(text):
        place = Place(line, position - line_start + 1)
        found = _TOKEN.match(text, position)
        if found is None:
            shown = text[position]
            raise _fault("UNEXPECTED_CHARACTER", Text(f"不能识别的字符 {shown!r}。", f"Unexpected {shown!r}."), place)
        kind = found.lastgroup or ""
        if kind == "space":
            line += found[0].count("\n")
            if "\n" in found[0]:
                line_start = position + found[0].rindex("\n") + 1
        elif kind == "number" and len(found[0]) > MAX_DIGITS:
            raise _fault(
                "NUMBER_TOO_LONG", Text(f"数字超过 {MAX_DIGITS} 位。", f"More than {MAX_DIGITS} digits."), place
            )
        else:
            tokens.append(_Token(kind, found[0], place))
        position = found.end()
    tokens.append(_Token("end", "", Place(line, len(text) - line_start + 1)))
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.nodes = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *symbols: str) -> _Token | None:
        if self.token.kind == "symbol" and self.token.text in symbols:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def expect(self, symbol: str) -> None:
        if self.take(symbol) is None:
            raise self.unexpected(Text(f"此处应为 {symbol}。", f"Expected {symbol}."))

    def unexpected(self, text: Text) -> FormulaFault:
        return _fault("SYNTAX", text, self.token.place)

    def count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _fault(
                "FORMULA_TOO_LARGE",
                Text(f"公式超过 {MAX_NODES} 项。", f"More than {MAX_NODES} terms."),
                self.token.place,
            )

    def whole(self) -> Node:
        node = self.sum()
        if self.token.kind != "end":
            shown = self.token.text
            raise self.unexpected(Text(f"公式到 {shown!r} 之前已经完整。", f"The formula ended before {shown!r}."))
        return node

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _fault(
                "FORMULA_TOO_DEEP",
                Text(f"括号超过 {MAX_DEPTH} 层。", f"Nested over {MAX_DEPTH} deep."),
                self.token.place,
            )
        node = self.product()
        while operator := self.take("+", "-"):
            self.count()
            node = Binary(operator.place, operator.text, node, self.product())
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.unary()
        while operator := self.take("*", "/"):
            self.count()
            node = Binary(operator.place, operator.text, node, self.unary())
        return node

    def unary(self) -> Node:
        if (minus := self.take("-")) is None:
            return self.primary()
        self.count()
        if self.token.text == "-":
            raise self.unexpected(Text("连续两个负号。", "Two minus signs in a row."))
        return Negate(minus.place, self.unary())

    def primary(self) -> Node:
        self.count()
        token = self.token
        if self.take("("):
            node = self.sum()
            self.expect(")")
            return node
        self.at += 1
        if token.kind == "number":
            return Number(token.place, token.text, self.unit())
        if token.kind == "name" and token.text in FUNCTIONS:
            return self.call(token)
        if token.kind == "name":
            return Name(token.place, token.text)
        self.at -= 1
        raise self.unexpected(Text("此处应为数字、名称或括号。", "Expected a number, a name or a bracket."))

    def unit(self) -> Unit | None:
        token = self.token
        if token.kind != "unit":
            return None
        self.at += 1
        try:
            return parse_unit(token.text[1:-1])
        except FormulaFault as fault:
            raise _fault(fault.code, fault.text, token.place) from None

    def call(self, function: _Token) -> Node:
        self.expect("(")
        arguments = [self.condition() if function.text == "if" else self.sum()]
        while self.take(","):
            arguments.append(self.sum())
        self.expect(")")
        least, most = FUNCTIONS[function.text]
        if not least <= len(arguments) <= most:
            raise _fault(
                "ARGUMENTS",
                Text(
                    f"{function.text} 需要 {least} 至 {most} 个参数。",
                    f"{function.text} takes {least} to {most} arguments.",
                ),
                function.place,
            )
        return Call(function.place, function.text, tuple(arguments))

    def condition(self) -> Node:
        left = self.sum()
        operator = self.take(*COMPARISONS)
        if operator is None:
            raise self.unexpected(Text("if 的第一个参数应为比较。", "The first argument of `if` must be a comparison."))
        self.count()
        return Compare(operator.place, operator.text, left, self.sum())


def parse_formula(text: str) -> Node:
    """Parse a formula. Raises FormulaFault with line and column inside the text."""
    return _Parser(text).whole()


def check_units(tree: Node, names: Mapping[str, Dimension]) -> None:
    """Check names, units and the dimension of the result, a mass of CO2e. Raises FormulaFault."""
    result = _infer(tree, names)
    if result is not None and result != co2e():
        shown = describe_dimension(result)
        raise _fault(
            "RESULT_NOT_CO2E",
            Text(
                f"公式结果的单位是 {shown}，应为二氧化碳当量的质量。", f"The result is in {shown}, not a mass of CO2e."
            ),
            tree.place,
        )


def _infer(node: Node, names: Mapping[str, Dimension]) -> Dimension | None:
    """Return the dimension of a value. None for a bare 0, which fits any dimension."""
    match node:
        case Number(_, _, unit):
            if unit is None and node.value == 0:
                return None
            return unit.dimension if unit else dimensionless()
        case Name(place, name):
            if name not in names:
                raise _fault(
                    "UNKNOWN_NAME", Text(f"没有定义的名称 {name}。", f"The name {name} is not defined."), place
                )
            return names[name]
        case Negate(_, operand):
            return _infer(operand, names)
        case Binary(place, "+" | "-", left, right) | Compare(place, _, left, right):
            return _same(place, _infer(left, names), _infer(right, names))
        case Binary(_, operator, left, right):
            one, two = _infer(left, names) or dimensionless(), _infer(right, names) or dimensionless()
            combined: Dimension = one * two if operator == "*" else one / two
            return combined
        case Call():
            return _infer_call(node, names)


def _infer_call(node: Call, names: Mapping[str, Dimension]) -> Dimension | None:
    inferred = [_infer(argument, names) for argument in node.arguments]
    if node.function == "floor":
        return _same(node.place, inferred[0], dimensionless())
    values = inferred[1:] if node.function == "if" else inferred
    result = values[0]
    for other in values[1:]:
        result = _same(node.place, result, other)
    return result


def _same(place: Place, one: Dimension | None, two: Dimension | None) -> Dimension | None:
    if one is None or two is None:
        return two if one is None else one
    if one != two:
        left, right = describe_dimension(one), describe_dimension(two)
        raise _fault(
            "UNITS_DIFFER",
            Text(f"单位不一致：{left} 与 {right}。", f"Units differ: {left} and {right}."),
            place,
        )
    return one
