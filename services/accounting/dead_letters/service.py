"""Which records the service's consumers can read, and which fields two operators may mend."""

from typing import Final

from services.accounting.database import SCHEMA
from services.accounting.decoders import DECODERS
from shared.contracts import topics
from shared.contracts.activities_v1 import MENDABLE
from shared.dead_letter_mends import LetterMends
from shared.dead_letters import readable_by

# Bindings, households and verdicts name persons and amounts only. Their source publishes them again.
mends: Final = LetterMends(
    schema=SCHEMA, scope="ops:ledger", readable=readable_by(DECODERS), mendable={topics.ACTIVITIES: MENDABLE}
)
