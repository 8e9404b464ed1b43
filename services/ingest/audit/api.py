"""The route that shows operators' changes to auditors."""

from services.ingest.audit.service import log
from shared.audit_routes import audit_router

router = audit_router(service="ingest", log=log)
