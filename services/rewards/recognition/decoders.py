"""The decoders of the topics that badges and rankings are made from."""

from typing import Final

import msgspec

from shared.contracts.consents_v1 import ConsentChanged
from shared.contracts.enterprises_v1 import EnterpriseFact
from shared.contracts.households_v1 import HouseholdFact
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rewards_v1 import RewardEvent

OUTCOMES: Final = msgspec.json.Decoder(ActivityJudged)
REWARDS: Final[msgspec.json.Decoder[RewardEvent]] = msgspec.json.Decoder(RewardEvent)
CONSENTS: Final = msgspec.json.Decoder(ConsentChanged)
HOUSEHOLDS: Final[msgspec.json.Decoder[HouseholdFact]] = msgspec.json.Decoder(HouseholdFact)
ENTERPRISES: Final[msgspec.json.Decoder[EnterpriseFact]] = msgspec.json.Decoder(EnterpriseFact)
