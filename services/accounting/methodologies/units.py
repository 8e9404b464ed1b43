"""Units of formulas: a closed list with exact factors, and separate dimensions for goods and CO2e.

The registry is an empty registry of pint with only the units below. A kilogram of waste paper is `[mass]`, a kilogram
of CO2e is `[co2e]`, and only a factor converts one to the other. Energy is a base dimension, too, so kWh is never split
into metres and seconds.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Final

import pint
from pint.util import UnitsContainer

from services.accounting.methodologies.errors import FormulaFault
from shared.language import Text

Dimension = UnitsContainer

# Name, definition, Chinese, English. The first unit of each dimension is the base unit. The integers of an act are in
# base units, and results are whole base units of [co2e].
_UNITS: Final = (
    ("m", "[length]", "米", "m"),
    ("km", "1000 * m", "公里", "km"),
    ("s", "[time]", "秒", "s"),
    ("min", "60 * s", "分钟", "min"),
    ("h", "3600 * s", "小时", "h"),
    ("day", "86400 * s", "天", "day"),
    ("g", "[mass]", "克", "g"),
    ("kg", "1000 * g", "千克", "kg"),
    ("t", "1000000 * g", "吨", "t"),
    ("Wh", "[energy]", "瓦时", "Wh"),
    ("kWh", "1000 * Wh", "度", "kWh"),
    ("MWh", "1000000 * Wh", "兆瓦时", "MWh"),
    ("L", "[volume]", "升", "L"),
    ("mgCO2e", "[co2e]", "毫克", "mg"),
    ("gCO2e", "1000 * mgCO2e", "克", "g"),
    ("kgCO2e", "1000000 * mgCO2e", "千克", "kg"),
    ("tCO2e", "1000000000 * mgCO2e", "吨", "t"),
    ("trip", "[trip]", "次", "trip"),
    ("piece", "[piece]", "件", "piece"),
    ("step", "[step]", "步", "step"),
    ("person", "[person]", "人", "person"),
)
_NAMES: Final = {name: (zh, en) for name, _, zh, en in _UNITS}
# Intermediate results are shown in one of these units if its dimension matches, otherwise in base units.
_PREFERRED: Final = ("gCO2e", "km", "kWh", "kg", "L", "trip", "piece", "person", "min", "gCO2e/km", "gCO2e/kWh")

MAX_UNIT_LENGTH: Final = 40  # the longest useful one, gCO2e/(person*km), has 18
_TOKEN: Final = re.compile(r"\s*(?:([A-Za-z][A-Za-z0-9]*)|([*·/()1]))")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written, its exact size in base units, and its dimension."""

    text: str
    ratio: Fraction
    dimension: Dimension

    def label(self, language: str) -> str:
        """Return the unit as citizens read it: 克/公里, g/km."""
        index = 0 if language == "zh" else 1
        spoken = re.sub(r"[A-Za-z][A-Za-z0-9]*", lambda found: _NAMES[found[0]][index], self.text)
        return "" if spoken == "1" else spoken.replace("*", "·")


@cache
def _registry() -> "pint.UnitRegistry[Fraction]":
    registry: pint.UnitRegistry[Fraction] = pint.UnitRegistry(None, non_int_type=Fraction)
    for name, definition, _, _ in _UNITS:
        registry.define(f"{name} = {definition}")
    return registry


def _fault(text: str) -> FormulaFault:
    return FormulaFault("UNKNOWN_UNIT", Text(f"不认识的单位 {text!r}。", f"Unknown unit {text!r}."))


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _fault(text)
        tokens.append("*" if found[2] == "·" else found[1] or found[2])
        position = found.end()
    return tokens


def _product(tokens: list[str], text: str) -> pint.Unit:
    """Parse term (('*'|'/') term)* from the front of `tokens`."""
    unit = _term(tokens, text)
    while tokens and tokens[0] in {"*", "/"}:
        operator = tokens.pop(0)
        right = _term(tokens, text)
        unit = unit * right if operator == "*" else unit / right
    return unit


def _term(tokens: list[str], text: str) -> pint.Unit:
    if not tokens:
        raise _fault(text)
    token = tokens.pop(0)
    if token == "1":
        return _registry().Unit("")
    if token == "(":
        unit = _product(tokens, text)
        if not tokens or tokens.pop(0) != ")":
            raise _fault(text)
        return unit
    if token not in _NAMES:
        raise _fault(text)
    return _registry().Unit(token)


@lru_cache(maxsize=256)  # bounded, because authors of drafts choose the texts
def _parse(text: str) -> Unit:
    tokens = _tokens(text)
    unit = _product(tokens, text)
    if tokens:
        raise _fault(text)
    base = _registry().Quantity(Fraction(1), unit).to_base_units()
    return Unit(text.replace(" ", ""), Fraction(base.magnitude), unit.dimensionality)


def parse_unit(text: str) -> Unit:
    """Parse a unit such as `gCO2e/(person*km)`. Raises FormulaFault UNKNOWN_UNIT for a unit outside the list."""
    if len(text) > MAX_UNIT_LENGTH:
        raise _fault(text[:MAX_UNIT_LENGTH])
    return _parse(text)


def dimensionless() -> Dimension:
    return parse_unit("1").dimension


def co2e() -> Dimension:
    return parse_unit("mgCO2e").dimension


def describe_dimension(dimension: Dimension) -> str:
    """Return a dimension as text in base units, for error messages and unusual intermediate results."""
    return display_unit(dimension).text


@cache
def _preferred() -> dict[Dimension, Unit]:
    return {unit.dimension: unit for unit in map(parse_unit, reversed(_PREFERRED))}


def display_unit(dimension: Dimension) -> Unit:
    """Return the unit in which a value of this dimension is shown."""
    preferred = _preferred().get(dimension)
    if preferred is not None:
        return preferred
    base = {definition.strip(): name for name, definition, _, _ in _UNITS if definition.startswith("[")}
    above: list[str] = []
    below: list[str] = []
    for name, power in sorted((name, int(str(power))) for name, power in dimension.items()):
        side = above if power > 0 else below
        side.extend([base[name]] * abs(power))
    text = "*".join(above) or "1"
    if below:
        text += "/" + (below[0] if len(below) == 1 else f"({'*'.join(below)})")
    return Unit(text, Fraction(1), dimension)
