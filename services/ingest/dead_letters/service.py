"""Which records the service's consumers can read."""

from typing import Any

import msgspec

from services.ingest import topics as own_topics
from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    topics.ACTIVITIES: msgspec.json.Decoder(ActivityReported),
    topics.OUTCOMES: msgspec.json.Decoder(ActivityJudged),
    own_topics.REJECTIONS: msgspec.json.Decoder(own_topics.ReceiptRejected),
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
