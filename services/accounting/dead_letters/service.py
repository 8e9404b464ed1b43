"""Which records the service's consumers can read."""

import msgspec

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.households_v1 import HouseholdFact
from shared.dead_letters import readable_by

unreadable_because = readable_by(
    {
        topics.ACTIVITIES: msgspec.json.Decoder(ActivityReported),
        topics.BINDINGS: msgspec.json.Decoder(BindingChanged),
        topics.HOUSEHOLDS: msgspec.json.Decoder(HouseholdFact),
    }
)
