"""Which records the service's consumers can read."""

from typing import Any

import msgspec

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.households_v1 import HouseholdFact

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    topics.ACTIVITIES: msgspec.json.Decoder(ActivityReported),
    topics.BINDINGS: msgspec.json.Decoder(BindingChanged),
    topics.HOUSEHOLDS: msgspec.json.Decoder(HouseholdFact),
}


def unreadable_because(topic: str, value: bytes) -> str | None:
    """None for a value its consumer would take. `topic` may carry the programme's prefix."""
    decoder = next((found for name, found in _DECODERS.items() if topic.endswith(name)), None)
    if decoder is None:
        return f"no consumer of {topic}"
    try:
        decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        return str(exc)
    return None
