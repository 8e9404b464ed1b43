"""Recording what operators change, in the transaction of the change itself, and reading it back."""

from services.accounting.audit.models import audit_log
from shared.audit import AuditLog

log = AuditLog(audit_log)
record = log.record
