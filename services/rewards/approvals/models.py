"""The table of proposals of all kinds. Grants: see migration 0003."""

from services.rewards.database import metadata
from shared.approvals import add_approval_table

approval = add_approval_table(metadata)
