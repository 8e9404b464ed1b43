"""The route on which auditors read the audit log."""

from services.accounting.audit.service import log
from shared.audit_routes import audit_router

router = audit_router(service="accounting", log=log)
