"""Worker process of the accounts service: publishes topics, ends what is over, deletes old rows, counts look-ups."""

from functools import partial

from services.accounts.authorizations import service as authorizations
from services.accounts.authorizations.revoking import RevocationRunner
from services.accounts.bindings import confirming, tokens
from services.accounts.database import SCHEMA
from services.accounts.guardians import service as guardians
from services.accounts.households import service as households
from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operator_sessions import service as operator_sessions
from services.accounts.operators import service as operators
from services.accounts.partners.client import IngestClient
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.oauth import PartnerOauth
from services.accounts.people import renewals
from services.accounts.quotas import service as quotas
from services.accounts.resources import vault_of
from services.accounts.sessions import service as sessions
from services.accounts.settings import Settings
from shared import idempotency
from shared.contracts.topics import BINDINGS, CONSENTS, HOUSEHOLDS
from shared.db import Session
from shared.worker import Worker, run

PURGE_EVERY_S = 300
UNCONFIRMED_EVERY_S = 60
LOOK_UPS_MEASURED_EVERY_S = 60
# One purge is one transaction. The bound keeps it short. The next purge deletes the rest.
PURGE_ROWS_MAX = 5_000


async def purge(session: Session) -> None:
    """Delete expired sessions, tokens, codes, nonces, counts, invitations, idempotency keys, a bounded number each."""
    await sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await tokens.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await authorizations.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await households.purge_invitations(session, at_most=PURGE_ROWS_MAX)
    await guardians.purge_codes(session, at_most=PURGE_ROWS_MAX)
    await log_in_codes.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_accounts.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await quotas.purge_past(session, at_most=PURGE_ROWS_MAX)
    await idempotency.purge(session, schema=SCHEMA)


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = Worker("accounts", settings)
    worker.publish(BINDINGS)
    worker.publish(HOUSEHOLDS)
    worker.publish(CONSENTS)
    worker.every(renewals.RUN_EVERY_S, "announce_ends", partial(renewals.announce_ends, settings=settings))
    worker.every(renewals.RUN_EVERY_S, "record_expired", renewals.record_expired)
    worker.every(PURGE_EVERY_S, "purge", purge)
    worker.every(LOOK_UPS_MEASURED_EVERY_S, "look_ups", operators.measure_look_ups)
    worker.every(UNCONFIRMED_EVERY_S, "unconfirmed", partial(confirming.end_unconfirmed, settings=settings))
    worker.part(_revocations(worker, settings).run)
    return worker


def _revocations(worker: Worker, settings: Settings) -> RevocationRunner:
    ingest = IngestClient(base_url=settings.ingest_base_url, service_key=settings.service_key)
    oauth = PartnerOauth(allow_loopback=settings.partner_allow_loopback)
    return RevocationRunner(worker.database, vault=vault_of(settings), partners=PartnerDirectory(ingest), oauth=oauth)


if __name__ == "__main__":
    run(build)
