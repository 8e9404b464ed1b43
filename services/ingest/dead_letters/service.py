"""Checks whether the service's consumers can read a record."""

from services.ingest.topics import DECODERS
from shared.dead_letters import readable_by

unreadable_because = readable_by(DECODERS)
