"""The route on which auditors read the audit log."""

from services.rewards.audit.service import log
from shared.audit_routes import audit_router

router = audit_router(service="rewards", log=log)
