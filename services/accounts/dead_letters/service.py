"""Which records the service's consumers can read. None is mended."""

from typing import Final

from services.accounts.database import SCHEMA
from services.accounts.decoders import DECODERS
from shared.dead_letter_mends import LetterMends
from shared.dead_letters import readable_by

# Orders, freezes and answers about erasures name persons and amounts only. Their source publishes them again.
mends: Final = LetterMends(schema=SCHEMA, scope="ops:accounts", readable=readable_by(DECODERS), mendable={})
