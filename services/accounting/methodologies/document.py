"""The schema of methodology documents and factor documents: every key, its type and its bounds.

Checks that need factors or the formula (units, examples) are in `compiled.compile_methodology` and `judging.examples`.
Decimals are strings ("0.5257") and become exact fractions when they are used.
The canonical form leaves out optional keys with their default value, so a new optional key does not change the hash of
an older document. So a published default may never change.
"""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError, model_validator

from services.accounting.methodologies.errors import DocumentInvalid, Path, Problem
from services.accounting.methodologies.limits import Count, Decimal, Part, Plausibility
from services.accounting.methodologies.source import Marks, read_yaml
from shared.language import Text

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+){1,7}$", max_length=40)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
DottedSlug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*$", max_length=60)]
Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})? (mgCO2e|gCO2e|kgCO2e|tCO2e)$")]
Region = Annotated[str, StringConstraints(pattern=r"^([0-9]{2}){0,3}$")]  # GB/T 2260, shortened from the right
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Published = Annotated[  # a year, a month or a day, as far as known
    str, StringConstraints(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=500)]
UnitText = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Day = Annotated[date, Field(strict=False)]  # in Asia/Shanghai, "2024-06-01"
Year = Annotated[int, Field(ge=1990, le=2200)]

SourceStatus = Literal["official", "secondary", "published_app_value", "unverified"]
EventType = Literal[
    "trip.completed", "transit.ridden", "recycling.deposited", "bag.reused", "energy.saved",
    "journey.completed", "steps.counted", "energy.metered", "power.generated", "goods.resold",
]  # fmt: skip
EvidenceTier = Literal["partner_signed", "navigation_trace", "photo", "self_declared"]
VehicleType = Literal[
    "absent", "bicycle", "bus", "car", "cargo_bicycle", "delivery_robot", "metro", "moped", "motorcycle", "other",
    "scooter_seated", "scooter_standing", "truck",
]  # fmt: skip
PropulsionType = Literal[
    "absent", "combustion", "combustion_diesel", "electric", "electric_assist", "human", "hybrid",
    "hydrogen_fuel_cell", "plug_in_hybrid",
]  # fmt: skip
InputSource = Literal[
    "distance", "duration", "passenger_count", "weight_g", "energy_wh", "baseline_wh", "count",
    "one_trip", "od_distance", "walked", "cycled", "by_bus", "by_rail", "steps", "used_wh", "average_wh_7d", "persons",
    "replacement_percent",
]  # fmt: skip

DECLARED: Final = "declared:"  # slugs have no colon, so no document can name such a group

# Event type of a document -> `kind` of an act on the topic.
ACT_KINDS: Final[dict[str, str]] = {
    "trip.completed": "trip",
    "transit.ridden": "transit",
    "recycling.deposited": "recycling",
    "bag.reused": "bag",
    "energy.saved": "energy",
    "journey.completed": "journey",
    "steps.counted": "steps",
    "energy.metered": "metering",
    "power.generated": "generation",
    "goods.resold": "goods",
}
# Kinds of act that nobody can report yet. Methodologies about them can be written and checked; they stay on the
# shelf.
UNREPORTED_KINDS: Final = frozenset({"journey", "metering", "generation", "goods"})


class DocumentText(Part):
    zh: Annotated[str, StringConstraints(min_length=1, max_length=600)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=900)]

    @property
    def text(self) -> Text:
        return Text(self.zh, self.en)


class IssuingDocument(Part):
    title: DocumentText
    number: Annotated[str, StringConstraints(max_length=100)] | None = None
    url: Url | None = None
    published_on: Published
    sha256: Sha256 | None = None


class AppliesTo(Part):
    """The acts that a methodology covers. A missing list accepts any value. `absent` accepts an act without a value."""

    event: EventType
    vehicle_type: Annotated[tuple[VehicleType, ...], Field(min_length=1, max_length=20, strict=False)] | None = None
    propulsion_type: Annotated[tuple[PropulsionType, ...], Field(min_length=1, max_length=20, strict=False)] | None = (
        None
    )
    trip_type: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=20, strict=False)] | None = None
    material: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=20, strict=False)] | None = None


class Input(Part):
    """An input of the formula. `unit` is shown to people. The unit of the event field is fixed by its name."""

    title: DocumentText
    unit: UnitText
    source: InputSource = Field(alias="from")


class FactorReference(Part):
    name: Slug
    factor_id: DottedSlug
    vintage: Year


class Result(Part):
    unit: Literal["gCO2e", "mgCO2e"]
    rounding: Literal["floor_to_mg"]


class Improvement(Part):
    """Yearly improvement of the baseline technology: `improvement_factor` in the formula is rate^(year - base_year)."""

    rate: Decimal
    base_year: Year


class Cap(Part):
    """An upper limit: either a number of acts or an amount. `zh` and `en` are the sentences for a reached limit.

    `per` names whose acts are counted together: those of a person, a household or an electricity meter.
    """

    id: DottedSlug
    per: Literal["account", "household", "meter"]
    period: Literal["day", "month", "year"]
    acts: Annotated[int, Field(ge=1, le=10_000)] | None = None
    amount: Amount | None = None
    code: Literal["DAILY_CAP", "MONTHLY_CAP", "YEARLY_CAP"]
    zh: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=150)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.acts is None) == (self.amount is None):
            raise ValueError("acts 与 amount 只能给出一个。|Give either acts or amount.")
        if self.code != {"day": "DAILY_CAP", "month": "MONTHLY_CAP", "year": "YEARLY_CAP"}[self.period]:
            raise ValueError("code 与 period 不对应。|The code must match the period.")
        return self


class ExampleInput(Part):
    """Fields of the act. Missing fields get values to which the methodology applies."""

    vehicle_type: Slug | None = None
    propulsion_type: Slug | None = None
    trip_type: Slug | None = None
    material: Slug | None = None
    evidence_tier: EvidenceTier | None = None
    distance_m: Count | None = None
    straight_line_m: Count | None = None
    duration_s: Count | None = None
    passenger_count: Count | None = None
    weight_g: Count | None = None
    energy_wh: Count | None = None
    baseline_wh: Count | None = None
    count: Count | None = None
    od_distance_m: Count | None = None
    walked_m: Count | None = None
    cycled_m: Count | None = None
    by_bus_m: Count | None = None
    by_rail_m: Count | None = None
    steps: Count | None = None
    used_wh: Count | None = None
    average_wh_7d: Count | None = None
    persons: Count | None = None
    replacement_percent: Count | None = None


class Example(Part):
    """One worked example. `after` identical acts of the same day come first. `date` is the day (default: the first).

    `repeats` is the same physical act, reported before with other evidence or by another partner.
    """

    title: DocumentText
    input: ExampleInput
    repeats: ExampleInput | None = None
    after: Annotated[int, Field(ge=0, le=50)] = 0
    date: Day | None = None
    expect_mg: Count
    expect_reason: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z_]{2,40}$")] | None = None


def _unique_caps(caps: tuple[Cap, ...]) -> tuple[Cap, ...]:
    if len({cap.id for cap in caps}) != len(caps):
        raise ValueError("上限的 id 重复。|Cap ids must be unique.")
    return caps


class Methodology(Part):
    """One version of a methodology. `effective_to` is the first day on which it no longer applies (Asia/Shanghai)."""

    code: Code
    version: Annotated[int, Field(ge=1, le=10_000)]
    scene: Slug
    title: DocumentText
    summary: DocumentText
    issuer: DocumentText
    document: IssuingDocument
    source_status: SourceStatus
    region: Region
    effective_from: Day
    effective_to: Day | None
    subject: Literal["person", "household", "enterprise"]
    applies_to: AppliesTo
    inputs: Annotated[dict[Slug, Input], Field(min_length=1, max_length=10)]
    factors: Annotated[tuple[FactorReference, ...], Field(max_length=20, strict=False)]
    formula: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    result: Result
    leakage: Amount
    improvement_rate: Improvement
    evidence_tiers: Annotated[dict[EvidenceTier, Decimal], Field(min_length=1)]
    caps: Annotated[tuple[Cap, ...], Field(max_length=10, strict=False), AfterValidator(_unique_caps)]
    exclusivity_groups: Annotated[tuple[Slug, ...], Field(max_length=5, strict=False)]
    vehicle_seats: Annotated[int, Field(ge=1, le=100)] | None = None  # default: `seats`
    vesting_days: Annotated[int, Field(ge=0, le=366)]
    issuable: bool
    plausibility: Plausibility
    examples: Annotated[tuple[Example, ...], Field(min_length=1, max_length=50, strict=False)]
    supersedes: Code | None = None  # another code of the same kind and region, which this version replaces

    @cached_property
    def seats(self) -> int:
        """The most people who may be credited for one vehicle at one time. Default: the bound on `passenger_count`."""
        bound = self.plausibility.passenger_count
        # A formula that reads `passenger_count` credits one person for everybody in the vehicle.
        credits_all = any(given.source == "passenger_count" for given in self.inputs.values())
        return self.vehicle_seats or (1 if bound is None or credits_all else max(bound.max, 1))

    @cached_property
    def all_groups(self) -> tuple[str, ...]:
        """The exclusivity groups of the document, and the group of declared acts if citizens may declare its acts."""
        declared = (DECLARED + self.scene,) if "self_declared" in self.evidence_tiers else ()
        return (*self.exclusivity_groups, *declared)


class Factor(Part):
    """One emission factor of one vintage (the year of its data). `id` and `vintage` identify it for ever."""

    id: DottedSlug
    name: DocumentText
    region: Region
    vintage: Year
    unit: UnitText
    value: Decimal
    source: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    source_status: SourceStatus
    sha256: Sha256 | None = None


class FactorDocument(Part):
    factors: Annotated[tuple[Factor, ...], Field(min_length=1, max_length=500, strict=False)]


# Chinese sentences for error types of pydantic. Other types get a general sentence.
_PYDANTIC_ZH: Final = {
    "missing": "缺少这一项。",
    "extra_forbidden": "没有这一项，请检查拼写。",
    "string_type": "应为文字（数字请加引号）。",
    "string_pattern_mismatch": "格式不符。",
    "string_too_long": "文字过长。",
    "string_too_short": "不能为空。",
    "int_type": "应为整数。",
    "bool_type": "应为 true 或 false。",
    "literal_error": "不在允许的取值之内。",
    "too_short": "至少要有一项。",
    "too_long": "项数过多。",
    "greater_than_equal": "数值过小。",
    "less_than_equal": "数值过大。",
    "date_from_datetime_parsing": "应为日期，例如 2024-06-01。",
}


def mark_of(path: Path, marks: Marks) -> tuple[int, int]:
    """Return line and column of a value, or of the nearest value around it."""
    while path not in marks and path:
        path = path[:-1]
    return marks.get(path, (0, 0))


Model = TypeVar("Model", bound=BaseModel)


def _validate(model: type[Model], plain: object, marks: Marks) -> Model:
    try:
        return model.model_validate(plain)
    except ValidationError as invalid:
        problems = []
        for error in invalid.errors(include_url=False, include_context=False, include_input=False):
            path = tuple(part for part in error["loc"] if part != "[key]")
            text = Text(_PYDANTIC_ZH.get(error["type"], "内容不符合要求。"), f"{error['msg']}.")
            if error["type"] == "value_error":  # raised in this file, in both languages
                zh, en = error["msg"].removeprefix("Value error, ").split("|")
                text = Text(zh, en)
            problems.append(Problem(error["type"].upper(), path, text, *mark_of(path, marks)))
        raise DocumentInvalid(problems) from None


def parse_methodology(text: str) -> tuple[Methodology, Marks]:
    """Read a YAML (or JSON) document. The marks give line and column of each value, for later checks.

    Raises DocumentInvalid with every fault.
    """
    plain, marks = read_yaml(text)
    return _validate(Methodology, plain, marks), marks


def parse_factors(text: str) -> tuple[Factor, ...]:
    plain, marks = read_yaml(text)
    return _validate(FactorDocument, plain, marks).factors


def canonical_json(part: Methodology | Factor) -> str:
    """Return the canonical form of a document: sorted keys, no spaces, no defaults, integers and strings (RFC 8785)."""
    plain = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_sha256(part: Methodology | Factor) -> str:
    return hashlib.sha256(canonical_json(part).encode()).hexdigest()


def methodology_from_plain(plain: object) -> Methodology:
    """Read a stored document: the parsed JSON of `canonical_json`."""
    return _validate(Methodology, plain, {})


def factor_from_plain(plain: object) -> Factor:
    return _validate(Factor, plain, {})
