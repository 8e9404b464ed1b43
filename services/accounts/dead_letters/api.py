"""Operators' routes on dead letters of the consumers of this service."""

from services.accounts.audit.service import log
from services.accounts.dead_letters.service import mends
from services.accounts.operator_sessions.live_operator import require_live_operator
from shared.dead_letter_routes import dead_letter_router

router = dead_letter_router(service="accounts", mends=mends, audit=log.record, require=require_live_operator)
