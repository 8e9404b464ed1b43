"""Operators' routes for the dead letters of this service's consumers."""

from services.ingest.audit.service import record
from services.ingest.dead_letters.service import mends
from shared.dead_letter_routes import dead_letter_router

router = dead_letter_router(service="ingest", mends=mends, audit=record)
