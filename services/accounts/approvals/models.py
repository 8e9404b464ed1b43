"""Table of the proposals of all kinds. Grants: see migration 20261127_0012."""

from services.accounts.database import metadata
from shared.approvals import add_approval_table

approval = add_approval_table(metadata)
