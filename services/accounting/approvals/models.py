"""Table of the proposals of all kinds. Grants: see migration 0012."""

from services.accounting.database import metadata
from shared.approvals import add_approval_table

approval = add_approval_table(metadata)
