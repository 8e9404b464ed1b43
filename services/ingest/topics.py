"""What the service's consumers read."""

from typing import Any, Final

import msgspec

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.erasures_v1 import ErasureMessage
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rejections_v1 import ReceiptRejected
from shared.projection import Decoder

ACTIVITIES_DECODER: Final = msgspec.json.Decoder(ActivityReported)
OUTCOMES_DECODER: Final = msgspec.json.Decoder(ActivityJudged)
REJECTIONS_DECODER: Final = msgspec.json.Decoder(ReceiptRejected)
ERASURES_DECODER: Final[msgspec.json.Decoder[ErasureMessage]] = msgspec.json.Decoder(ErasureMessage)
DECODERS: Final[dict[str, Decoder[Any]]] = {
    topics.ACTIVITIES: ACTIVITIES_DECODER,
    topics.OUTCOMES: OUTCOMES_DECODER,
    topics.REJECTIONS: REJECTIONS_DECODER,
    topics.ACCOUNTING_ERASURES: ERASURES_DECODER,
}
"""What the service's consumers read, by topic."""
