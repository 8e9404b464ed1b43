"""How operators resolved a dead letter: at most one row each, never changed."""

from services.ingest.database import metadata
from shared.dead_letters import add_resolution_table

add_resolution_table(metadata)
