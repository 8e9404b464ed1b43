"""Worked examples of a methodology, judged like real acts. A version that fails an example is not published."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.accounting.bindings.domain import BindingState
from services.accounting.households.domain import Stay
from services.accounting.judging import reasons
from services.accounting.judging.acts import MeasuredAct
from services.accounting.judging.domain import Judgement, judge, match_acts
from services.accounting.judging.duplicates import CreditedActs
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.document import Example, ExampleInput, mark_of
from services.accounting.methodologies.errors import Path, Problem
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.source import Marks
from shared.language import Text

_NOON_UTC: Final = 4  # 12:00 in Asia/Shanghai
_WINDOW_S: Final = 86_400
_CITIZEN: Final = UUID(int=1)
_HOUSEHOLD: Final = UUID(int=2)
_METER: Final = "0" * 32


def acts_of(example: Example, version: Compiled) -> list[MeasuredAct]:
    """Return the preceding acts of an example and, last, its own act, all at noon of the same day."""
    before = [example.input] * example.after if example.repeats is None else [example.repeats]
    day = example.date or version.document.effective_from
    return [_act(given, version, day, number) for number, given in enumerate([*before, example.input], 1)]


def _act(example: ExampleInput, version: Compiled, day: date, number: int) -> MeasuredAct:
    document = version.document
    given: dict[str, Any] = example.model_dump(exclude_none=True)
    for constraint in ("vehicle_type", "propulsion_type", "trip_type", "material"):
        allowed = getattr(document.applies_to, constraint)
        if constraint not in given and allowed is not None and "absent" not in allowed:
            given[constraint] = allowed[0]
    given.setdefault("evidence_tier", next(iter(document.evidence_tiers)))
    start = datetime(day.year, day.month, day.day, _NOON_UTC, tzinfo=UTC)
    end = start + timedelta(seconds=given["duration_s"]) if "duration_s" in given else None
    return MeasuredAct(
        activity_id=UUID(int=number),
        account_id=_CITIZEN,
        partner_id="example",
        kind=version.kind,
        occurred_at=start,
        ended_at=end,
        local_date=day,
        received_at=end or start,
        late_window_s=_WINDOW_S,
        binding=BindingState.BOUND,
        city_code=document.region.ljust(6, "0"),
        meter_key=_METER,
        meter_account_id=_HOUSEHOLD,
        stays=(Stay(_HOUSEHOLD, None, current=True),),
        **given,
    )


def run_example(example: Example, version: Compiled) -> Judgement:
    # The acts of `after` are different acts although all are at noon. Only `repeats` describes a duplicate.
    duplicates = None if example.repeats is None else CreditedActs()
    return judge(match_acts(acts_of(example, version), MethodologyIndex([version])), {}, duplicates).judgements[-1]


def failed_examples(version: Compiled, marks: Marks | None = None) -> Sequence[Problem]:
    """Return one problem for each example with an unexpected result."""
    problems = []
    for number, example in enumerate(version.document.examples):
        path: Path = ("examples", number)
        place = mark_of(path, marks or {})
        first, end = version.document.effective_from, version.document.effective_to or date.max
        if example.date is not None and not first <= example.date < end:
            text = Text("示例日期不在有效期内。", "The example's date is outside the effective interval.")
            problems.append(Problem("EXAMPLE_DATE", (*path, "date"), text, *place))
            continue
        try:
            got = run_example(example, version)
        except OverflowError:  # the act would end after the last date that Python knows
            problems.append(
                Problem("EXAMPLE_DATE", path, Text("示例时间超出范围。", "Its time is out of range."), *place)
            )
            continue
        expected = example.expect_reason or reasons.CREDITED
        if (got.amount_mg, got.reason_code) != (example.expect_mg, expected):
            text = Text(
                f"示例应得 {example.expect_mg} 毫克（{expected}），实得 {got.amount_mg} 毫克（{got.reason_code}）。",
                f"Expected {example.expect_mg} mg ({expected}), got {got.amount_mg} mg ({got.reason_code}).",
            )
            problems.append(Problem("EXAMPLE_FAILED", path, text, *place))
    return problems
