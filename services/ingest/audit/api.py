"""The route by which auditors read what operators changed."""

from services.ingest.audit.service import log
from shared.audit_routes import audit_router

router = audit_router(service="ingest", log=log)
