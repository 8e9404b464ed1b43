"""The limits of a methodology document: what can have happened. Integers with units, compared without rounding."""

from functools import cached_property
from typing import Annotated, ClassVar, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Count = Annotated[int, Field(ge=0, le=10**12)]
Decimal = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,14})?$")]


class Part(BaseModel):
    """A part of a document: unknown keys are refused, and nothing is converted."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)


class Range(Part):
    min: Count = 0
    max: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min 大于 max。|min is above max.")
        return self


class StraightLine(Part):
    """The minimum length of a route: a ratio of the straight line, minus `slack_m` for errors of both end points."""

    min_ratio: Decimal
    slack_m: Annotated[int, Field(ge=0, le=10_000)]


AmountField = Literal[
    "weight_g", "energy_wh", "baseline_wh", "count", "passenger_count", "od_distance_m", "walked_m", "cycled_m",
    "by_bus_m", "by_rail_m", "steps", "used_wh", "average_wh_7d", "persons", "replacement_percent",
]  # fmt: skip
AMOUNTS: Final[tuple[AmountField, ...]] = get_args(AmountField)


class Relation(Part):
    """`field` is at most `percent` of `at_most`, another amount of the same act."""

    field: AmountField
    at_most: AmountField
    percent: Annotated[int, Field(ge=1, le=10_000)] = 100

    @model_validator(mode="after")
    def _two_fields(self) -> Self:
        if self.field == self.at_most:
            raise ValueError("field 与 at_most 相同。|field and at_most are the same.")
        return self


class Plausibility(Part):
    """Limits of plausible acts. A limit is not checked if the act has no such value."""

    distance_m: Range | None = None
    duration_s: Range | None = None
    speed_kmh_min: Annotated[int, Field(ge=1, le=1_000)] | None = None
    speed_kmh_max: Annotated[int, Field(ge=1, le=1_000)] | None = None
    straight_line: StraightLine | None = None
    passenger_count: Range | None = None
    weight_g: Range | None = None
    energy_wh: Range | None = None
    baseline_wh: Range | None = None
    count: Range | None = None
    od_distance_m: Range | None = None
    walked_m: Range | None = None
    cycled_m: Range | None = None
    by_bus_m: Range | None = None
    by_rail_m: Range | None = None
    steps: Range | None = None
    used_wh: Range | None = None
    average_wh_7d: Range | None = None
    persons: Range | None = None
    replacement_percent: Range | None = None
    # Amounts per hour of the act: Wh per hour are watts.
    per_hour: Annotated[dict[AmountField, Range], Field(max_length=5)] | None = None
    relations: Annotated[tuple[Relation, ...], Field(max_length=5, strict=False)] = ()

    @cached_property
    def amounts(self) -> tuple[tuple[str, Range], ...]:
        """Return the bounds on amounts by field of the act."""
        given = ((field, getattr(self, field)) for field in AMOUNTS)
        return tuple((field, limits) for field, limits in given if limits is not None)

    @cached_property
    def compared_fields(self) -> tuple[tuple[tuple[str | int, ...], str], ...]:
        """The amounts that `per_hour` and `relations` name, each with its place in this block."""
        per_hour = tuple((("per_hour", field), field) for field in self.per_hour or ())
        relations = enumerate(self.relations)
        return per_hour + tuple(
            (("relations", number, key), getattr(relation, key))
            for number, relation in relations
            for key in ("field", "at_most")
        )
