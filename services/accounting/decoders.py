"""The decoder of each consumed topic, for the consumers and for the readability of dead letters."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.consents_v1 import ConsentChanged
from shared.contracts.enterprises_v1 import EnterpriseFact
from shared.contracts.erasures_v1 import ErasureAsked
from shared.contracts.households_v1 import HouseholdFact
from shared.contracts.mandates_v1 import MandateChanged
from shared.projection import Decoder

ACTIVITIES: Final = msgspec.json.Decoder(ActivityReported)
BINDINGS: Final = msgspec.json.Decoder(BindingChanged)
CONSENTS: Final = msgspec.json.Decoder(ConsentChanged)
HOUSEHOLDS: Final[msgspec.json.Decoder[HouseholdFact]] = msgspec.json.Decoder(HouseholdFact)
ENTERPRISES: Final[msgspec.json.Decoder[EnterpriseFact]] = msgspec.json.Decoder(EnterpriseFact)
MANDATES: Final = msgspec.json.Decoder(MandateChanged)
ERASURES: Final = msgspec.json.Decoder(ErasureAsked)

DECODERS: Final[Mapping[str, Decoder[Any]]] = {
    topics.ACTIVITIES: ACTIVITIES,
    topics.BINDINGS: BINDINGS,
    topics.CONSENTS: CONSENTS,
    topics.HOUSEHOLDS: HOUSEHOLDS,
    topics.ENTERPRISES: ENTERPRISES,
    topics.MANDATES: MANDATES,
    topics.ERASURES: ERASURES,
}
