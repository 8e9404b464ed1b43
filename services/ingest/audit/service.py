"""Records operators' changes, in the transaction of each change, and reads them back."""

from services.ingest.audit.models import audit_log
from shared.audit import AuditLog

log = AuditLog(audit_log)
record = log.record
entries_about = log.entries_about
