"""The kinds of differences, and the names of differing fields as in the partner's events."""

from collections.abc import Mapping
from typing import Any, Final, Literal

Kind = Literal["only_theirs", "only_ours", "differing", "doubled"]
KINDS: Final[tuple[Kind, ...]] = ("only_theirs", "only_ours", "differing", "doubled")
# With more differences the day was not reported at all. The counts stay exact.
DIFFERENCES_KEPT: Final = 100_000

_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "trip": {"started_at": "start_time", "ended_at": "end_time", "natural_key": "trip_id"},
    "transit": {"started_at": "boarded_at", "ended_at": "alighted_at", "natural_key": "ride_id"},
    "recycling": {"started_at": "occurred_at", "natural_key": "deposit_id"},
    "bag": {"started_at": "occurred_at", "natural_key": "receipt_no"},
    "energy": {"started_at": "period_start", "ended_at": "period_end", "natural_key": "meter_ref"},
}
_COMMON: Final = {
    "distance_m": "distance",
    "duration_s": "duration",
    "straight_line_m": "start_location, end_location",
    "kind": "type",
}


def differing_fields(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The fields of the event in which two acts of one id differ. If the acts are equal, the account differs."""
    names = {**_COMMON, **_NAMES.get(str(theirs.get("kind")), {})}
    found = [names.get(name, name) for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return found or ["account_ref"]
