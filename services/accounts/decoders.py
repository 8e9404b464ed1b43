"""The decoder of each consumed topic, for the consumers and for the readability of dead letters."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.contracts import topics
from shared.contracts.erasures_v1 import ErasureMessage
from shared.contracts.freezes_v1 import FreezeChanged
from shared.contracts.rewards_v1 import RewardEvent
from shared.projection import Decoder

REWARDS: Final[msgspec.json.Decoder[RewardEvent]] = msgspec.json.Decoder(RewardEvent)
FREEZES: Final = msgspec.json.Decoder(FreezeChanged)
ERASURES: Final[msgspec.json.Decoder[ErasureMessage]] = msgspec.json.Decoder(ErasureMessage)

DECODERS: Final[Mapping[str, Decoder[Any]]] = {
    topics.REWARDS: REWARDS,
    topics.FREEZES: FREEZES,
    topics.ACCOUNTING_ERASURES: ERASURES,
    topics.INGEST_ERASURES: ERASURES,
    topics.REWARDS_ERASURES: ERASURES,
}
