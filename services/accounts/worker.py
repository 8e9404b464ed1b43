"""Worker process of the accounts service: publishes bindings and households, deletes expired rows, counts look-ups."""

from services.accounts.bindings import tokens
from services.accounts.database import SCHEMA
from services.accounts.family_cards import service as family_cards
from services.accounts.households import service as households
from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.meters import service as meters
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operator_sessions import service as operator_sessions
from services.accounts.operators import service as operators
from services.accounts.quotas import service as quotas
from services.accounts.sessions import service as sessions
from services.accounts.settings import Settings
from shared import idempotency
from shared.contracts.topics import BINDINGS, HOUSEHOLDS
from shared.db import Session
from shared.worker import Worker, run

PURGE_EVERY_S = 300
LOOK_UPS_MEASURED_EVERY_S = 60
# One purge is one transaction. The bound keeps it short. The next purge deletes the rest.
PURGE_ROWS_MAX = 5_000


async def purge(session: Session) -> None:
    """Delete expired sessions, tokens, codes, nonces, counts, invitations, idempotency keys, a bounded number each."""
    await sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await tokens.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await households.purge_invitations(session, at_most=PURGE_ROWS_MAX)
    await family_cards.purge_codes(session, at_most=PURGE_ROWS_MAX)
    await meters.expire_claims(session, at_most=PURGE_ROWS_MAX)
    await log_in_codes.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_accounts.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await quotas.purge_past(session, at_most=PURGE_ROWS_MAX)
    await idempotency.purge(session, schema=SCHEMA)


def build(settings: Settings | None = None) -> Worker:
    worker = Worker("accounts", settings or Settings())
    worker.publish(BINDINGS)
    worker.publish(HOUSEHOLDS)
    worker.every(PURGE_EVERY_S, "purge", purge)
    worker.every(LOOK_UPS_MEASURED_EVERY_S, "look_ups", operators.measure_look_ups)
    return worker


if __name__ == "__main__":
    run(build)
