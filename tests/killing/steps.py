"""The steps of a settlement: every commit of rewards and of accounting on its way.

A step of rewards is a change of state, a step of accounting an end of the hold.
"""

import re
from collections.abc import Sequence
from typing import Final

from services.rewards.settlement.domain import HoldAnswer, Status, Step, next_step
from tests.killing.gate import Write

NOTHING: Final = "nothing"
_STATES: Final = re.compile(rb"\b(" + b"|".join(one.value.encode() for one in Status) + rb")\b")
_ENDS: Final = re.compile(rb"\b(captured|voided|refunded)\b")
_MOVED: Final = re.compile(r"^UPDATE rewards\.(orders|donation|loan_offset) SET status=")
_PLACED: Final = re.compile(r"^INSERT INTO rewards\.(orders|donation|loan_offset) ")
_HOLDS: Final = re.compile(r"^\s*(INSERT INTO|UPDATE) accounting\.hold ")


def arrow(before: str, after: str) -> str:
    return f"{before} → {after}"


def step_of_rewards(writes: Sequence[Write]) -> str | None:
    """Name the change of state that a transaction makes, by the parameters of its statement."""
    for sql, parameters in writes:
        if _PLACED.match(sql):
            return arrow(NOTHING, Status.PENDING)
        if _MOVED.match(sql):
            found = [one.decode() for one in _STATES.findall(parameters)]
            return arrow(found[-1], found[0])
    return None


def step_of_accounting(writes: Sequence[Write]) -> str | None:
    for sql, parameters in writes:
        if _HOLDS.match(sql) and (end := _ENDS.search(parameters)):
            return hold(end[1].decode())
    return None


def hold(end: str) -> str:
    return f"hold {end}"


def arrows_of_the_rules() -> set[str]:
    """Return every change of state that the rules of settlements allow."""
    found = {
        arrow(NOTHING, Status.PENDING),
        arrow(Status.PENDING, Status.CANCELLING),  # called off by the citizen
        arrow(Status.CONFIRMED, Status.RETURNING),
    }
    ends = {Step.CONFIRM: Status.CONFIRMED, Step.CANCEL: Status.CANCELLED, Step.CALL_OFF: Status.CANCELLING}
    for status in (Status.PENDING, Status.CANCELLING, Status.RETURNING):
        steps = {next_step(status, answer) for answer in HoldAnswer} - {Step.TRY_LATER}
        found |= {arrow(status, ends[step]) for step in steps}
    return found
