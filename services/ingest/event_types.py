"""The CloudEvents types that partners may send, and the types on our own topics."""

from shared.contracts.event_types import ACTIVITY_REPORTED_TYPE

PREFIX = "cn.carboninclusion."

TRIP = PREFIX + "trip.completed.v1"
TRANSIT = PREFIX + "transit.ridden.v1"
RECYCLING = PREFIX + "recycling.deposited.v1"
BAG = PREFIX + "bag.reused.v1"
ENERGY = PREFIX + "energy.saved.v1"
CORRECTED = PREFIX + "event.corrected.v1"
CANCELLED = PREFIX + "event.cancelled.v1"

REPORTS = (TRIP, TRANSIT, RECYCLING, BAG, ENERGY)
# A partner that may report may also correct and cancel: these two need no permission of their own.
REVISIONS = (CORRECTED, CANCELLED)

# Records on our topics differ from the events that partners sent, so they have types of their own.
ACTIVITY_REPORTED = ACTIVITY_REPORTED_TYPE


def full_name(name: str) -> str:
    """The full type for `trip.completed`, `trip.completed.v1` or the full type itself. Raises ValueError otherwise."""
    for known in (*REPORTS, *REVISIONS):
        if name in {known, known.removeprefix(PREFIX), known.removeprefix(PREFIX).removesuffix(".v1")}:
            return known
    raise ValueError(f"unknown event type {name!r}")
