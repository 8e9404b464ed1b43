"""Table of the audit log. The service's role may only add and read entries."""

from services.accounting.database import metadata
from shared.audit import add_audit_table

audit_log = add_audit_table(metadata)
