"""The audit log of the service."""

from services.accounts.audit.models import audit_log
from shared.audit import AuditLog

log = AuditLog(audit_log)
