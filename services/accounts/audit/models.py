"""The table of the audit log. The role of the service may only add and read entries."""

from services.accounts.database import metadata
from shared.audit import add_audit_table

audit_log = add_audit_table(metadata)
