"""Errors of publishing."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from typing_extensions import TypedDict  # pydantic reads no other one before Python 3.12

from services.accounting.methodologies.errors import Problem
from services.accounting.sentences import refusals
from shared.errors import Conflict, FieldError, NotFound


class DraftNotFound(NotFound):
    code = "DRAFT_NOT_FOUND"
    says = refusals.DRAFT_NOT_FOUND


class DraftClosed(Conflict):
    code = "DRAFT_CLOSED"
    says = refusals.DRAFT_CLOSED


class DraftNotChecked(Conflict):
    code = "DRAFT_NOT_CHECKED"
    says = refusals.DRAFT_NOT_CHECKED


class DraftChanged(Conflict):
    code = "DRAFT_CHANGED"
    says = refusals.DRAFT_CHANGED


class FaultMember(TypedDict):
    """A fault in the members of a problem document. `line` is 0 without a place in the text."""

    code: str
    field: str
    line: int
    column: int
    zh: str
    en: str


def fault(problem: Problem) -> FaultMember:
    """Return a problem as JSON for the author."""
    return {
        "code": problem.code,
        "field": problem.field,
        "line": problem.line,
        "column": problem.column,
        "zh": problem.text.zh,
        "en": problem.text.en,
    }


class CheckFailed(Conflict):
    """Every fault is in `faults`; `errors` repeats the first ones in the common form."""

    code = "CHECK_FAILED"
    members: ClassVar = {"faults": list[FaultMember]}
    says = refusals.CHECK_FAILED

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            field_errors=[FieldError(problem.field, problem.code, problem.located) for problem in problems],
            extensions={"faults": [fault(problem) for problem in problems]},
            count=len(problems),
        )


class VersionAlreadyPublished(Conflict):
    code = "VERSION_ALREADY_PUBLISHED"
    says = refusals.VERSION_ALREADY_PUBLISHED


class EffectiveDatePast(Conflict):
    """No version may begin or end on a day that has begun: the time of an act alone decides which version judges it.

    The member `earliest` is the first day that is possible.
    """

    code = "EFFECTIVE_DATE_PAST"
    members: ClassVar = {"earliest": date}
    says = refusals.EFFECTIVE_DATE_PAST

    def __init__(self, *, day: date, earliest: date) -> None:
        super().__init__(extensions={"earliest": earliest.isoformat()}, day=day, earliest=earliest)


class WarningsNotAcknowledged(Conflict):
    """The publisher has to name each warning. `names` are those left out, `warnings` all of them in full."""

    code = "WARNINGS_NOT_ACKNOWLEDGED"
    members: ClassVar = {"names": list[str], "warnings": list[FaultMember]}
    says = refusals.WARNINGS_NOT_ACKNOWLEDGED

    def __init__(self, warnings: Sequence[Problem], names: Sequence[str]) -> None:
        super().__init__(
            extensions={"names": list(names), "warnings": [fault(warning) for warning in warnings]},
            names=", ".join(names),
        )


class RetirementOutsideInterval(Conflict):
    code = "RETIREMENT_OUTSIDE_INTERVAL"
    says = refusals.RETIREMENT_OUTSIDE_INTERVAL


class AlreadyRetired(Conflict):
    code = "ALREADY_RETIRED"
    says = refusals.ALREADY_RETIRED


class FactorExists(Conflict):
    code = "FACTOR_EXISTS"
    says = refusals.FACTOR_EXISTS
