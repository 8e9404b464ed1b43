"""Recording what operators change, in the transaction of the change itself, and reading it back."""

from services.ingest.audit.models import audit_log
from shared.audit import AuditLog

log = AuditLog(audit_log)
record = log.record
