"""Table of what operators did with a dead letter: at most one row each, never changed."""

from services.accounts.database import metadata
from shared.dead_letters import add_resolution_table

add_resolution_table(metadata)
