"""The route by which auditors read what operators changed."""

from services.accounting.audit.service import log
from shared.audit_routes import audit_router

router = audit_router(service="accounting", log=log)
