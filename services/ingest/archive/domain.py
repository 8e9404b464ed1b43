"""The statuses that partners see, and when a receipt is settled."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

# The statuses a partner sees. Vesting (`pending`) concerns only the programme and the citizen.
COUNTED: Final = ("received", "credited", "refused", "parked", "duplicate", "conflict", "reversed")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COPY_STATUSES: Final = frozenset({"duplicate", "conflict"})


def receipt_bound(at: datetime) -> UUID:
    """The smallest receipt id of a millisecond. A UUIDv7 begins with its time."""
    elapsed = at - _EPOCH
    return UUID(int=((elapsed.days * 86_400 + elapsed.seconds) * 1000 + elapsed.microseconds // 1000) << 80)


def partner_status(status: str) -> str:
    return "credited" if status == "pending" else status


def counts_of(statuses: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Every status of COUNTED with its count, also when that is 0."""
    counts = dict.fromkeys(COUNTED, 0)
    for status, count in statuses:
        counts[partner_status(status)] += count
    return counts


@dataclass(frozen=True, slots=True)
class AcceptedItem:
    """One accepted event of a receipt. `amount_mg` is None before its first verdict."""

    index: int
    id: str
    status: str
    reason_code: str | None
    amount_mg: int | None


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """One rejected event of a receipt."""

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
    """The counts `accepted` and `rejected` are None until the archive has a record of the receipt."""

    receipt_id: UUID
    received_at: datetime
    accepted: int | None = None
    rejected: int | None = None
    archived: int = 0
    accepted_items: Sequence[AcceptedItem] = ()
    rejected_items: Sequence[RejectedItem] = ()

    @property
    def counts(self) -> dict[str, int]:
        return counts_of((item.status, 1) for item in self.accepted_items)

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(item.reason_code for item in self.accepted_items if item.reason_code is not None))

    @property
    def settled(self) -> bool:
        """The archive has all of it, and every accepted event has a verdict.

        `parked` is a verdict: the event waits for a binding. Like any verdict it may change.
        """
        complete = self.archived == self.accepted and len(self.rejected_items) == self.rejected
        return complete and self.counts["received"] == 0


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Accepted events of one day as (partner, status, count), and the number of rejected ones by partner."""

    day: date
    time_zone: str
    accepted: Sequence[tuple[str, str, int]]
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ActTotals:
    """Number and sums of the events of one partner, kind of act and status. Copies are left out."""

    partner_id: str
    kind: str
    status: str
    events: int
    distance_m: int
    weight_g: int
    energy_wh: int
    pieces: int
    amount_mg: int
