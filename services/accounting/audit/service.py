"""The audit log of this service: `record` adds an entry in the transaction of the change."""

from services.accounting.audit.models import audit_log
from shared.audit import AuditLog

log = AuditLog(audit_log)
record = log.record
