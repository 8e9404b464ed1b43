"""The matrix: each step of each journey, with each fault that can meet it, and how it must end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.rewards.settlement.domain import Status
from tests.killing.gate import Fault
from tests.killing.steps import NOTHING, arrow, hold

PLACED: Final = arrow(NOTHING, Status.PENDING)
CONFIRMED: Final = arrow(Status.PENDING, Status.CONFIRMED)
REFUSED: Final = arrow(Status.PENDING, Status.CANCELLED)
CALLED_OFF: Final = arrow(Status.PENDING, Status.CANCELLING)
GIVEN_UP: Final = arrow(Status.CANCELLING, Status.CANCELLED)
CAME_FIRST: Final = arrow(Status.CANCELLING, Status.CONFIRMED)
RETURNING: Final = arrow(Status.CONFIRMED, Status.RETURNING)
RETURNED: Final = arrow(Status.RETURNING, Status.CANCELLED)
CAPTURED, VOIDED, REFUNDED = hold("captured"), hold("voided"), hold("refunded")

GIVEN, BACK = "given", "back"
_REWARDS_FAULTS: Final = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.LOST)
_ACCOUNTING_FAULTS: Final = (*_REWARDS_FAULTS, Fault.SLOW, Fault.DOWN, Fault.AWAY)


@dataclass(frozen=True, slots=True)
class Journey:
    """The steps of one request, in their order. `turns_at`: the step whose commit decides the end.

    `before`: how it ends if the request dies before that. `drivers`: the process that does the steps of rewards.
    """

    name: str
    steps: tuple[str, ...]
    turns_at: str
    before: str
    after: str
    driver: str = "rewards"
    kind: str = "order"

    def ends(self, step: str, fault: Fault) -> str:
        if fault is Fault.AWAY:  # longer than a citizen is kept waiting
            return BACK
        at, turn = self.steps.index(step), self.steps.index(self.turns_at)
        is_before = at < turn or (at == turn and fault is Fault.KILLED_BEFORE)
        return self.before if is_before and self.driver == "rewards" else self.after


JOURNEYS: Final = (
    Journey("an order", (PLACED, CAPTURED, CONFIRMED), PLACED, NOTHING, GIVEN),
    Journey("an order without enough grams", (PLACED, VOIDED, REFUSED), PLACED, NOTHING, BACK),
    Journey("a pending order is called off", (CALLED_OFF, VOIDED, GIVEN_UP), CALLED_OFF, GIVEN, BACK),
    Journey("a pending order is too late", (CALLED_OFF, VOIDED, GIVEN_UP), CALLED_OFF, BACK, BACK, "rewards-worker"),
    Journey(
        "a paid order that looks pending is called off",
        (CALLED_OFF, CAME_FIRST, RETURNING, REFUNDED, RETURNED),
        RETURNING,
        GIVEN,
        BACK,
    ),
    Journey("an order is given back", (RETURNING, REFUNDED, RETURNED), RETURNING, GIVEN, BACK),
    Journey("two operators refund an order", (RETURNING, REFUNDED, RETURNED), RETURNING, GIVEN, BACK),
    Journey("a donation", (PLACED, CAPTURED, CONFIRMED), PLACED, NOTHING, GIVEN, kind="donation"),
    Journey(
        "a pending donation is too late",
        (CALLED_OFF, VOIDED, GIVEN_UP),
        CALLED_OFF,
        BACK,
        BACK,
        "rewards-worker",
        "donation",
    ),
    Journey("a donation without enough grams", (PLACED, VOIDED, REFUSED), PLACED, NOTHING, BACK, kind="donation"),
    Journey("loan interest", (PLACED, CAPTURED, CONFIRMED), PLACED, NOTHING, GIVEN, kind="loan"),
    Journey("a bank refuses", (RETURNING, REFUNDED, RETURNED), RETURNING, GIVEN, BACK, kind="loan"),
    Journey("a bank is silent", (RETURNING, REFUNDED, RETURNED), RETURNING, BACK, BACK, "rewards-worker", "loan"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    journey: Journey
    step: str
    fault: Fault

    @property
    def is_of_accounting(self) -> bool:
        return self.step.startswith("hold ")

    @property
    def end(self) -> str:
        return self.journey.ends(self.step, self.fault)

    @property
    def name(self) -> str:
        return f"{self.journey.name}, {self.step}, {self.fault}"


def cells() -> Iterator[Cell]:
    for journey in JOURNEYS:
        for step in journey.steps:
            faults = _ACCOUNTING_FAULTS if step.startswith("hold ") else _REWARDS_FAULTS
            for fault in faults:
                yield Cell(journey, step, fault)


def table() -> list[str]:
    """Return the lines of the table in docs/reliability.md."""
    columns = _ACCOUNTING_FAULTS
    lines = [f"| {' | '.join(['journey', 'commit', *columns])} |", f"| {' | '.join(['---'] * (2 + len(columns)))} |"]
    for journey in JOURNEYS:
        for step in journey.steps:
            ends = {cell.fault: cell.end for cell in cells() if (cell.journey, cell.step) == (journey, step)}
            found = [ends.get(fault, "—") for fault in columns]
            lines.append(f"| {' | '.join([journey.name, step, *found])} |")
    return lines
