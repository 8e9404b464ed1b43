"""The route on which auditors read the audit log."""

from services.accounts.audit.service import log
from shared.audit_routes import audit_router

router = audit_router(service="accounts", log=log)
