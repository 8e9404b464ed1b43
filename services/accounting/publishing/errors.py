"""Errors of publishing."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.accounting.methodologies.errors import Problem
from shared.errors import Conflict, FieldError, NotFound


class DraftNotFound(NotFound):
    code = "DRAFT_NOT_FOUND"
    title_zh = "没有这份草案"
    title_en = "No such draft"


class DraftClosed(Conflict):
    code = "DRAFT_CLOSED"
    title_zh = "草案已结束"
    title_en = "The draft is closed"
    detail_zh = "草案状态为 {status}，不能再改动。"
    detail_en = "The draft is {status} and can no longer be changed."


class DraftNotChecked(Conflict):
    code = "DRAFT_NOT_CHECKED"
    title_zh = "草案尚未通过检查"
    title_en = "The draft has not been checked"
    detail_zh = "请先检查，改动之后需要重新检查。"
    detail_en = "Check it first. Every change needs a new check."


class DraftChanged(Conflict):
    code = "DRAFT_CHANGED"
    title_zh = "草案已被改动"
    title_en = "The draft has changed"
    detail_zh = "现在的内容是 {sha256}，请重新审阅。"
    detail_en = "Its content is now {sha256}. Read it again."


def fault(problem: Problem) -> Mapping[str, Any]:
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
    title_zh = "方法学未通过检查"
    title_en = "The methodology did not pass its checks"
    detail_zh = "共 {count} 处问题，见 faults。"
    detail_en = "{count} problem(s), see `faults`."

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            field_errors=[FieldError(problem.field, problem.code, problem.message) for problem in problems],
            extensions={"faults": [fault(problem) for problem in problems]},
            count=len(problems),
        )


class VersionAlreadyPublished(Conflict):
    code = "VERSION_ALREADY_PUBLISHED"
    title_zh = "这个版本已经发布"
    title_en = "This version is published already"
    detail_zh = "{name} 已经发布，请使用新的版本号。"
    detail_en = "{name} is published. Use a new version number."


class EffectiveDatePast(Conflict):
    """No version may begin or end on a day that has begun: the time of an act alone decides which version judges it.

    The member `earliest` is the first day that is possible.
    """

    code = "EFFECTIVE_DATE_PAST"
    title_zh = "日期太早"
    title_en = "The day is too early"
    detail_zh = "{day} 太早。已经开始的一天（北京时间）不会改变，请选择 {earliest} 或以后。"
    detail_en = "{day} is too early. A day that has begun in Asia/Shanghai never changes. Choose {earliest} or later."

    def __init__(self, *, day: date, earliest: date) -> None:
        super().__init__(extensions={"earliest": earliest.isoformat()}, day=day, earliest=earliest)


class WarningsNotAcknowledged(Conflict):
    """The publisher has to name each warning. `names` are those left out, `warnings` all of them in full."""

    code = "WARNINGS_NOT_ACKNOWLEDGED"
    title_zh = "有提醒尚未确认"
    title_en = "There are warnings to acknowledge"
    detail_zh = "请先审阅 warnings，再在 acknowledged 中逐一写明：{names}。"
    detail_en = "Read `warnings`, then name each in `acknowledged`: {names}."

    def __init__(self, warnings: Sequence[Problem], names: Sequence[str]) -> None:
        super().__init__(
            extensions={"names": list(names), "warnings": [fault(warning) for warning in warnings]},
            names=", ".join(names),
        )


class RetirementOutsideInterval(Conflict):
    code = "RETIREMENT_OUTSIDE_INTERVAL"
    title_zh = "停用日期不在有效期内"
    title_en = "The day is outside the interval in force"
    detail_zh = "{name} 自 {first} 起、至 {end} 前有效。"
    detail_en = "{name} is in force from {first} to before {end}."


class AlreadyRetired(Conflict):
    code = "ALREADY_RETIRED"
    title_zh = "这个版本已经停用"
    title_en = "This version is retired already"


class FactorExists(Conflict):
    code = "FACTOR_EXISTS"
    title_zh = "因子已登记"
    title_en = "The factor is registered already"
    detail_zh = "{name} 已登记。数值不可更改，请使用新的 vintage 或新的名字。"
    detail_en = "{name} is registered. Values never change. Use another vintage or another id."
