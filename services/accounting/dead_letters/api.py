"""Operators' routes on dead letters of the consumers of this service."""

from services.accounting.audit.service import record
from services.accounting.dead_letters.service import unreadable_because
from shared.dead_letter_routes import dead_letter_router

router = dead_letter_router(service="accounting", write_scope="ops:ledger", readable=unreadable_because, audit=record)
