"""The CloudEvents types partners may send, and the kind of act each one reports."""

PREFIX = "cn.carboninclusion."

TRIP = PREFIX + "trip.completed.v1"
TRANSIT = PREFIX + "transit.ridden.v1"
RECYCLING = PREFIX + "recycling.deposited.v1"
BAG = PREFIX + "bag.reused.v1"
ENERGY = PREFIX + "energy.saved.v1"
CORRECTED = PREFIX + "event.corrected.v1"
CANCELLED = PREFIX + "event.cancelled.v1"

REPORTS = (TRIP, TRANSIT, RECYCLING, BAG, ENERGY)
# Whoever may report may also take back: these two need no permission of their own.
REVISIONS = (CORRECTED, CANCELLED)

# What the worker's own topic and the activities' topic carry is not what the partner sent, so it has types of its own.
ACTIVITY_REPORTED = PREFIX + "activity.reported.v1"
RECEIPT_REJECTED = PREFIX + "receipt.rejected.v1"


def full_name(name: str) -> str:
    """`trip.completed`, `trip.completed.v1` and the full type mean the same. Raises ValueError for anything else."""
    for known in (*REPORTS, *REVISIONS):
        if name in {known, known.removeprefix(PREFIX), known.removeprefix(PREFIX).removesuffix(".v1")}:
            return known
    raise ValueError(f"unknown event type {name!r}")
