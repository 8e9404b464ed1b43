"""Which records the service's consumers can read, and which fields two operators may mend."""

from typing import Final

from services.ingest.database import SCHEMA
from services.ingest.topics import DECODERS
from shared.contracts import topics
from shared.contracts.activities_v1 import MENDABLE
from shared.dead_letter_mends import LetterMends
from shared.dead_letters import readable_by

# Verdicts name persons and amounts only. Accounting publishes them again.
mends: Final = LetterMends(
    schema=SCHEMA, scope="ops:partners", readable=readable_by(DECODERS), mendable={topics.ACTIVITIES: MENDABLE}
)
