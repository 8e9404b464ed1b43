"""Operators' routes on dead letters of the consumers of this service."""

from services.accounting.audit.service import record
from services.accounting.dead_letters.service import mends
from shared.dead_letter_routes import dead_letter_router

router = dead_letter_router(service="accounting", mends=mends, audit=record)
