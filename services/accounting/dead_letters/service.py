"""Which records the service's consumers can read."""

from services.accounting.decoders import DECODERS
from shared.dead_letters import readable_by

unreadable_because = readable_by(DECODERS)
