"""Compiled methodologies: references resolved, units checked, formula compiled, caps in milligrams.

A methodology that `compile_methodology` accepts can be evaluated for any act. The only failure left is a division by
zero, which refuses that one act.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from services.accounting.methodologies.document import (
    ACT_KINDS,
    UNREPORTED_KINDS,
    Cap,
    Factor,
    Methodology,
    content_sha256,
    mark_of,
)
from services.accounting.methodologies.errors import DocumentInvalid, FormulaFault, Path, Problem
from services.accounting.methodologies.evaluation import Amount, Value, compile_amount
from services.accounting.methodologies.expression import Node, check_units, names_of, parse_formula
from services.accounting.methodologies.source import Marks
from services.accounting.methodologies.units import Dimension, Unit, co2e, dimensionless, parse_unit
from shared.language import Text

Factors = Mapping[tuple[str, int], Factor]  # by id and vintage

LEAKAGE: Final = "leakage"
IMPROVEMENT: Final = "improvement_factor"


@dataclass(frozen=True, slots=True)
class Source:
    """Where an input comes from: the field of the act (None: always 1), its unit, and the kinds of act that have it.

    `read` is the attribute to read, if it is not the field itself.
    """

    field: str | None
    unit: str
    kinds: frozenset[str]
    read: str | None = None


_ROUTES: Final = frozenset({"trip", "transit"})
_JOURNEY: Final = frozenset({"journey"})
_METERING: Final = frozenset({"metering"})
_METERED: Final = frozenset({"energy", "metering"})  # acts that name the meter
SOURCES: Final[Mapping[str, Source]] = {
    "distance": Source("distance_m", "m", _ROUTES),
    "duration": Source("duration_s", "s", _ROUTES, read="duration_or_elapsed_s"),
    "passenger_count": Source("passenger_count", "person", frozenset({"trip"})),
    "weight_g": Source("weight_g", "g", frozenset({"recycling"})),
    "energy_wh": Source("energy_wh", "Wh", frozenset({"energy", "generation"})),
    "baseline_wh": Source("baseline_wh", "Wh", frozenset({"energy"})),
    "count": Source("count", "piece", frozenset({"bag", "goods"})),
    "one_trip": Source(None, "trip", _ROUTES),
    # A journey: the direct distance from door to door, and the distance by each mode.
    "od_distance": Source("od_distance_m", "m", _JOURNEY),
    "walked": Source("walked_m", "m", _JOURNEY),
    "cycled": Source("cycled_m", "m", _JOURNEY),
    "by_bus": Source("by_bus_m", "m", _JOURNEY),
    "by_rail": Source("by_rail_m", "m", _JOURNEY),
    "steps": Source("steps", "step", frozenset({"steps"})),
    # A day of a household: its consumption, its mean of the seven days before, its members.
    "used_wh": Source("used_wh", "Wh", _METERING),
    "average_wh_7d": Source("average_wh_7d", "Wh", _METERING),
    "persons": Source("persons", "person", _METERING),
    "replacement_percent": Source("replacement_percent", "1", frozenset({"goods"})),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One input that is read from the act."""

    name: str
    field: str
    read: Callable[[Any], int | None]


@dataclass(frozen=True, slots=True)
class CapRule:
    id: str
    period: str
    limit: int  # acts or milligrams
    measure: str  # "acts" | "mg"
    code: str
    per: str = "account"  # "account" | "household" | "meter"


class FactorRef(NamedTuple):
    factor_id: str
    vintage: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """One version that can judge acts. `improvement` is None if the formula does not use it."""

    document: Methodology
    sha256: str
    kind: str
    tree: Node
    slots: tuple[Slot, ...]
    factors: Mapping[str, Factor]  # by the name used in the formula
    factor_refs: tuple[FactorRef, ...]
    constants: Mapping[str, Fraction]  # factors, leakage and fixed inputs, in base units
    units: Mapping[str, Unit]  # of every name of the formula, for display
    amounts: Mapping[str, Amount]  # by evidence tier
    count_caps: tuple[CapRule, ...]
    amount_caps: tuple[CapRule, ...]
    improvement: tuple[Fraction, int] | None
    shared: bool  # counts or credits for more than one person
    counts_meters: bool
    seats: int  # people who may be credited for one vehicle at one time
    held: bool = False  # the stored content is not the approved one: its acts wait

    @property
    def code(self) -> str:
        return self.document.code

    @property
    def version(self) -> int:
        return self.document.version

    @property
    def label(self) -> str:
        return f"{self.document.code} v{self.document.version}"

    def improvement_factor(self, local_date: date) -> Value:
        assert self.improvement is not None
        rate, base_year = self.improvement
        return _power(rate, max(0, local_date.year - base_year))

    def raw_mg(self, inputs: Mapping[str, int], tier: str, local_date: date) -> int:
        """Return the milligrams before caps from the inputs of a judgement. Raises NotComputable, KeyError."""
        values: list[Value] = [inputs[slot.field] for slot in self.slots]
        if self.improvement is not None:
            values.append(self.improvement_factor(local_date))
        return max(0, self.amounts[tier](values))


@lru_cache(maxsize=1_000)  # one rate and one or two years per methodology
def _power(rate: Fraction, years: int) -> Fraction:
    return Fraction(rate**years)


def factor_set(factors: Iterable[Factor]) -> Factors:
    """Index factors by id and vintage. Raises DocumentInvalid for a factor that is given twice."""
    found: dict[tuple[str, int], Factor] = {}
    for number, factor in enumerate(factors):
        key = (factor.id, factor.vintage)
        if key in found:
            text = Text(f"因子 {key} 重复。", f"Factor {key} is given twice.")
            raise DocumentInvalid([Problem("FACTOR_TWICE", ("factors", number), text)])
        try:
            parse_unit(factor.unit)
        except FormulaFault as fault:
            raise DocumentInvalid([Problem(fault.code, ("factors", number, "unit"), fault.text)]) from None
        found[key] = factor
    return found


def region_prefix(code: str) -> str:
    """Return a GB/T 2260 code without its empty levels: 420100 -> 4201, 420000 -> 42."""
    while code.endswith("00"):
        code = code[:-2]
    return code


def amount_mg(text: str) -> Fraction:
    """Return the exact milligrams of an amount such as "10 gCO2e"."""
    number, unit = text.split(" ")
    return Fraction(number) * parse_unit(unit).ratio


class _Compiler:
    def __init__(self, document: Methodology, factors: Factors, marks: Marks) -> None:
        self.document, self.known, self.marks = document, factors, marks
        self.problems: list[Problem] = []
        self.units: dict[str, Unit] = {}
        self.constants: dict[str, Fraction] = {LEAKAGE: amount_mg(document.leakage)}
        self.factors: dict[str, Factor] = {}
        self.slots: list[Slot] = []
        self.kind = ACT_KINDS[document.applies_to.event]

    def refuse(self, code: str, path: Path, text: Text) -> None:
        self.problems.append(Problem(code, path, text, *mark_of(path, self.marks)))

    def unit(self, written: str, path: Path) -> Unit | None:
        try:
            return parse_unit(written)
        except FormulaFault as fault:
            self.refuse(fault.code, path, fault.text)
            return None

    def read_inputs(self) -> None:
        for name, given in self.document.inputs.items():
            path: Path = ("inputs", name)
            source = SOURCES[given.source]
            if name in _RESERVED:
                self.refuse("RESERVED_NAME", path, Text(f"{name} 是保留名称。", f"{name} is a reserved name."))
            if self.kind not in source.kinds:
                text = Text(
                    f"{self.kind} 类行为没有 {given.source}。", f"Acts of kind {self.kind} have no {given.source}."
                )
                self.refuse("INPUT_NOT_AVAILABLE", (*path, "from"), text)
            unit = self.unit(given.unit, (*path, "unit"))
            if unit is None:
                continue
            if unit.dimension != parse_unit(source.unit).dimension:
                text = Text(f"单位应与 {source.unit} 同类。", f"The unit must have the dimension of {source.unit}.")
                self.refuse("UNITS_DIFFER", (*path, "unit"), text)
            self.units[name] = unit
            if source.field is None:
                self.constants[name] = Fraction(1)
                continue
            self.slots.append(Slot(name, source.field, attrgetter(source.read or source.field)))
            if getattr(self.document.plausibility, source.field) is None:
                text = Text(f"{source.field} 缺少上限。", f"{source.field} needs an upper bound.")
                self.refuse("BOUND_MISSING", ("plausibility",), text)

    def read_factors(self) -> None:
        for number, reference in enumerate(self.document.factors):
            path: Path = ("factors", number)
            factor = self.known.get((reference.factor_id, reference.vintage))
            if reference.name in self.units or reference.name in _RESERVED:
                text = Text(f"名称 {reference.name} 已被使用。", f"The name {reference.name} is used already.")
                self.refuse("NAME_TWICE", path, text)
            elif factor is None:
                shown = f"{reference.factor_id} {reference.vintage}"
                self.refuse("UNKNOWN_FACTOR", path, Text(f"没有因子 {shown}。", f"There is no factor {shown}."))
            elif not region_prefix(self.document.region).startswith(region_prefix(factor.region)):
                text = Text(
                    "因子的地区不覆盖方法学的地区。",
                    "The region of the factor does not cover the region of the methodology.",
                )
                self.refuse("FACTOR_REGION", path, text)
            elif (unit := self.unit(factor.unit, path)) is not None:
                self.factors[reference.name], self.units[reference.name] = factor, unit
                self.constants[reference.name] = Fraction(factor.value) * unit.ratio

    def read_formula(self) -> Node | None:
        try:
            tree = parse_formula(self.document.formula)
            used = set(names_of(tree))
            dimensions: dict[str, Dimension] = {name: unit.dimension for name, unit in self.units.items()}
            check_units(tree, {**dimensions, LEAKAGE: co2e(), IMPROVEMENT: dimensionless()})
        except FormulaFault as fault:
            where = f"{fault.line}:{fault.column}"
            self.refuse(
                fault.code, ("formula",), Text(f"公式 {where}：{fault.text.zh}", f"Formula {where}: {fault.text.en}")
            )
            return None
        for name in self.units.keys() - used:
            part = "inputs" if name in self.document.inputs else "factors"
            self.refuse(
                "UNUSED_NAME", (part, name), Text(f"公式没有用到 {name}。", f"The formula does not use {name}.")
            )
        if self.constants[LEAKAGE] and LEAKAGE not in used:
            self.refuse(
                "UNUSED_NAME", (LEAKAGE,), Text("公式没有扣除泄漏。", "The formula does not deduct the leakage.")
            )
        rate = Fraction(self.document.improvement_rate.rate)
        if rate != 1 and IMPROVEMENT not in used:
            text = Text("公式没有用到改进系数。", "The formula does not use the improvement factor.")
            self.refuse("UNUSED_NAME", ("improvement_rate",), text)
        if not 0 < rate <= 1:
            self.refuse(
                "OUT_OF_RANGE", ("improvement_rate", "rate"), Text("应大于 0、不大于 1。", "Must be in (0, 1].")
            )
        return tree

    def check_bounds(self) -> None:
        """Refuse bounds on amounts, amounts per hour and relations that acts of this kind do not have."""
        rules = self.document.plausibility
        # A bound on an amount that another reported kind has is accepted and never checked.
        unreported = {source.field for source in SOURCES.values() if source.kinds <= UNREPORTED_KINDS}
        named = [((field,), field) for field, _limits in rules.amounts if field in unreported]
        available = {source.field for source in SOURCES.values() if self.kind in source.kinds}
        for where, field in (*named, *rules.compared_fields):
            if field not in available:
                text = Text(f"{self.kind} 类行为没有 {field}。", f"Acts of kind {self.kind} have no {field}.")
                self.refuse("INPUT_NOT_AVAILABLE", ("plausibility", *where), text)

    def check_rules(self) -> None:
        document = self.document
        if document.effective_to is not None and document.effective_to <= document.effective_from:
            self.refuse("EMPTY_INTERVAL", ("effective_to",), Text("应晚于生效日。", "Must be after effective_from."))
        for tier, multiplier in document.evidence_tiers.items():
            if Fraction(multiplier) > 1:
                self.refuse("OUT_OF_RANGE", ("evidence_tiers", tier), Text("不能大于 1。", "Must not exceed 1."))
        for number, cap in enumerate(document.caps):
            if cap.amount is not None and (amount_mg(cap.amount) < 1 or amount_mg(cap.amount).denominator != 1):
                text = Text("应为至少 1 毫克的整毫克数。", "Must be whole milligrams, at least one.")
                self.refuse("OUT_OF_RANGE", ("caps", number, "amount"), text)
        self.check_homes()
        statuses = {document.source_status, *(factor.source_status for factor in self.factors.values())}
        if document.issuable and statuses != {"official"}:
            text = Text(
                "方法学与全部因子均为官方来源时才可签发。",
                "Only a methodology with an official source and official factors may be issued.",
            )
            self.refuse("NOT_ISSUABLE", ("issuable",), text)

    def check_homes(self) -> None:
        """Check caps per meter.

        A cap per meter needs acts with a meter. If a household earns by its meter, the methodology needs such a cap,
        because two members could report the same reading.
        """
        metered = self.kind in _METERED
        for number, cap in enumerate(self.document.caps):
            if cap.per == "meter" and not metered:
                text = Text(f"{self.kind} 类行为没有电表。", f"Acts of kind {self.kind} have no meter.")
                self.refuse("CAP_WITHOUT_METER", ("caps", number, "per"), text)
        if metered and self.document.subject == "household" and all(cap.per != "meter" for cap in self.document.caps):
            text = Text("按家庭计的用电须有每块电表的上限。", "Electricity of households needs a cap per meter.")
            self.refuse("METER_CAP_MISSING", ("caps",), text)

    def amounts(self, tree: Node, improves: bool) -> dict[str, Amount]:
        slots = {slot.name: place for place, slot in enumerate(self.slots)}
        if improves:
            slots[IMPROVEMENT] = len(self.slots)
        try:
            return {
                tier: compile_amount(tree, self.constants, slots, Fraction(multiplier))
                for tier, multiplier in self.document.evidence_tiers.items()
            }
        except FormulaFault as fault:
            self.refuse(fault.code, ("formula",), fault.text)
            return {}

    def caps(self, measure: str) -> tuple[CapRule, ...]:
        return tuple(_cap_rule(cap) for cap in self.document.caps if (cap.acts is None) == (measure == "mg"))

    def compile(self) -> Compiled:
        self.read_inputs()
        self.read_factors()
        self.check_rules()
        self.check_bounds()
        # The formula is checked only if every name has a unit. Otherwise one fault would be reported many times.
        tree = None if self.problems else self.read_formula()
        improves = tree is not None and IMPROVEMENT in names_of(tree)
        amounts = self.amounts(tree, improves) if tree is not None and not self.problems else {}
        if tree is None or self.problems:
            raise DocumentInvalid(self.problems)
        improvement = self.document.improvement_rate
        return Compiled(
            document=self.document,
            sha256=content_sha256(self.document),
            kind=self.kind,
            tree=tree,
            slots=tuple(self.slots),
            factors=self.factors,
            factor_refs=tuple(FactorRef(factor.id, factor.vintage) for factor in self.factors.values()),
            constants=self.constants,
            units=self.units,
            amounts=amounts,
            count_caps=self.caps("acts"),
            amount_caps=self.caps("mg"),
            improvement=(Fraction(improvement.rate), improvement.base_year) if improves else None,
            shared=self.document.subject == "household" or any(cap.per != "account" for cap in self.document.caps),
            counts_meters=any(cap.per == "meter" for cap in self.document.caps),
            seats=self.document.seats,
        )


_RESERVED: Final = frozenset({LEAKAGE, IMPROVEMENT, "min", "max", "if", "floor", "clamp"})


def _cap_rule(cap: Cap) -> CapRule:
    if cap.acts is not None:
        return CapRule(cap.id, cap.period, cap.acts, "acts", cap.code, cap.per)
    assert cap.amount is not None  # a cap has either acts or an amount
    return CapRule(cap.id, cap.period, int(amount_mg(cap.amount)), "mg", cap.code, cap.per)


def compile_methodology(document: Methodology, factors: Factors, marks: Marks | None = None) -> Compiled:
    """Resolve, check and compile a document.

    Raises DocumentInvalid with every fault. `marks` give the faults their line and column.
    """
    return _Compiler(document, factors, marks or {}).compile()


def compile_all(documents: Sequence[Methodology], factors: Factors) -> list[Compiled]:
    return [compile_methodology(document, factors) for document in documents]
