"""Table of erasures: the tasks, which stay for good."""

from services.rewards.database import metadata
from shared.erasing import add_erasure_table

erasure_task = add_erasure_table(metadata)
