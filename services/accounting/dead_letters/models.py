"""Table of what operators did with a dead letter: at most one row each, never changed."""

from services.accounting.database import metadata
from shared.dead_letters import add_resolution_table

add_resolution_table(metadata)
