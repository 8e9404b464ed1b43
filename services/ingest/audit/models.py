"""The audit log of operators' changes. The service's database role may only insert and select."""

from services.ingest.database import metadata
from shared.audit import add_audit_table

audit_log = add_audit_table(metadata)
