"""Whether the consumers of the service can read a record."""

from services.accounting.decoders import DECODERS
from shared.dead_letters import readable_by

unreadable_because = readable_by(DECODERS)
