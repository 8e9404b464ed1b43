"""What statuses mean to a partner, and when a receipt is settled."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

# What a partner is shown; the vesting of a credit (`pending`) is between the programme and the citizen.
COUNTED: Final = ("received", "credited", "refused", "parked", "duplicate", "conflict", "reversed")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COPY_STATUSES: Final = frozenset({"duplicate", "conflict"})


def receipt_bound(at: datetime) -> UUID:
    """The smallest receipt id of that millisecond: a UUIDv7 begins with its time."""
    elapsed = at - _EPOCH
    return UUID(int=((elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000) << 80)


def shown(status: str) -> str:
    return "credited" if status == "pending" else status


def counts_of(statuses: Iterable[tuple[str, int]]) -> dict[str, int]:
    """All of COUNTED, also those that are 0."""
    counts = dict.fromkeys(COUNTED, 0)
    for status, count in statuses:
        counts[shown(status)] += count
    return counts


@dataclass(frozen=True, slots=True)
class Fate:
    """One accepted event of a receipt. `amount_mg` is None before its first verdict."""

    index: int
    id: str
    status: str
    reason_code: str | None
    amount_mg: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One event of a receipt that was not accepted."""

    index: int
    id: str | None
    code: str
    field: str | None


@dataclass(frozen=True, slots=True)
class EventView:
    event_id: str
    activity_id: UUID
    receipt_id: UUID
    received_at: datetime | None
    status: str
    reason_code: str | None
    amount_mg: int | None


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """`accepted` and `rejected` are None until the first record of the receipt was seen."""

    receipt_id: UUID
    received_at: datetime
    accepted: int | None = None
    rejected: int | None = None
    archived: int = 0
    fates: Sequence[Fate] = ()
    refusals: Sequence[Refusal] = ()

    @property
    def counts(self) -> dict[str, int]:
        return counts_of((fate.status, 1) for fate in self.fates)

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(fate.reason_code for fate in self.fates if fate.reason_code is not None))

    @property
    def settled(self) -> bool:
        """Everything of it was seen and every accepted event has a verdict.

        Parked is one: it says that the event waits for its person, and may change like any other.
        """
        complete = self.archived == self.accepted and len(self.refusals) == self.rejected
        return complete and self.counts["received"] == 0


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Events of one day by (partner, status), and refused ones by partner."""

    day: date
    time_zone: str
    accepted: Sequence[tuple[str, str, int]]
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ActTotals:
    """Events of one partner, kind of act and status, copies left out, with the sums of what they report."""

    partner_id: str
    kind: str
    status: str
    events: int
    distance_m: int
    weight_g: int
    energy_wh: int
    pieces: int
    amount_mg: int
