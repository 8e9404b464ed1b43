"""Worker process of the accounts service: publishes facts, ends what is over, deletes old rows, counts look-ups."""

from dataclasses import dataclass
from functools import partial

from services.accounts import decoders
from services.accounts.approvals import service as approvals
from services.accounts.authorizations import service as authorizations
from services.accounts.authorizations.revoking import RevocationRunner
from services.accounts.bindings import confirming, tokens
from services.accounts.database import SCHEMA
from services.accounts.enterprise_members import service as enterprise_members
from services.accounts.erasures import service as erasures
from services.accounts.exports import service as exports
from services.accounts.exports.client import RowsReader
from services.accounts.family_cards import service as family_cards
from services.accounts.grams.client import GramsReader
from services.accounts.guardians import service as guardians
from services.accounts.households import service as households
from services.accounts.leaving import service as leaving
from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.mandates import service as mandates
from services.accounts.messages import freezing, orders
from services.accounts.messages import service as messages
from services.accounts.messages.evening import EveningMessages
from services.accounts.messages.sending import MessageSender
from services.accounts.messages.templates import offered_templates
from services.accounts.meters import service as meters
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operator_sessions import service as operator_sessions
from services.accounts.operators import service as operators
from services.accounts.partners.client import IngestClient
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.oauth import PartnerOauth
from services.accounts.people import renewals
from services.accounts.quotas import service as quotas
from services.accounts.resources import vault_of, wechat_of
from services.accounts.sessions import service as sessions
from services.accounts.settings import Settings
from services.accounts.text_checks import service as text_checks
from services.accounts.vault import Vault
from services.accounts.wechat.client import WeChatClient
from shared import dead_letters, idempotency
from shared.contracts import topics
from shared.db import Session
from shared.worker import Worker, run

PURGE_EVERY_S = 300
ERASE_EVERY_S = 1.0
MINUTELY_S = 60.0
ERASURE_ANSWERS = {
    "accounting": topics.ACCOUNTING_ERASURES,
    "ingest": topics.INGEST_ERASURES,
    "rewards": topics.REWARDS_ERASURES,
}
UNCONFIRMED_EVERY_S = 60
EVENING_EVERY_S = 60
LOOK_UPS_MEASURED_EVERY_S = 60
APPROVALS_EXPIRED_EVERY_S = 60
TERMS_ENDED_EVERY_S = 2
# One purge is one transaction. The bound keeps it short. The next purge deletes the rest.
PURGE_ROWS_MAX = 5_000
PURGE_EXPORTS_MAX = 100
EXPORT_EVERY_S = 1.0


async def purge(session: Session) -> None:
    """Delete expired sessions, tokens, codes, nonces, counts, invitations, idempotency keys, a bounded number each."""
    await sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await tokens.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await authorizations.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await households.purge_invitations(session, at_most=PURGE_ROWS_MAX)
    await enterprise_members.end_expired(session, at_most=PURGE_ROWS_MAX)
    await guardians.purge_codes(session, at_most=PURGE_ROWS_MAX)
    await family_cards.purge_codes(session, at_most=PURGE_ROWS_MAX)
    await meters.expire_claims(session, at_most=PURGE_ROWS_MAX)
    await log_in_codes.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_accounts.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await messages.purge_past(session, at_most=PURGE_ROWS_MAX)
    await text_checks.purge_past(session, at_most=PURGE_ROWS_MAX)
    await quotas.purge_past(session, at_most=PURGE_ROWS_MAX)
    await exports.purge_expired(session, at_most=PURGE_EXPORTS_MAX)
    await idempotency.purge(session, schema=SCHEMA)
    await dead_letters.delete_resolved(session, schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class _Clients:
    """What the jobs call beside the database, made once for the process."""

    vault: Vault
    wechat: WeChatClient
    partners: PartnerDirectory
    oauth: PartnerOauth
    rows: RowsReader
    grams: GramsReader


def _clients_of(settings: Settings) -> _Clients:
    key = settings.service_key
    base_urls = {
        "ingest": settings.ingest_base_url,
        "accounting": settings.accounting_base_url,
        "rewards": settings.rewards_base_url,
    }
    return _Clients(
        vault=vault_of(settings),
        wechat=wechat_of(settings),
        partners=PartnerDirectory(IngestClient(base_url=settings.ingest_base_url, service_key=key)),
        oauth=PartnerOauth(allow_loopback=settings.partner_allow_loopback),
        rows=RowsReader(base_urls=base_urls, service_key=key),
        grams=GramsReader(base_url=settings.accounting_base_url, service_key=key),
    )


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = Worker("accounts", settings)
    worker.publish(
        topics.BINDINGS, topics.CONSENTS, topics.HOUSEHOLDS, topics.ENTERPRISES, topics.MANDATES, topics.ERASURES
    )
    worker.every(renewals.RUN_EVERY_S, "announce_ends", partial(renewals.announce_ends, settings=settings))
    worker.every(renewals.RUN_EVERY_S, "record_expired", renewals.record_expired)
    worker.every(PURGE_EVERY_S, "purge", purge)
    worker.every(LOOK_UPS_MEASURED_EVERY_S, "look_ups", operators.measure_look_ups)
    worker.every(TERMS_ENDED_EVERY_S, "end_with_terms", partial(mandates.end_with_terms, settings=settings))
    worker.every(APPROVALS_EXPIRED_EVERY_S, "expire_approvals", approvals.expire)
    worker.every(UNCONFIRMED_EVERY_S, "unconfirmed", partial(confirming.end_unconfirmed, settings=settings))
    clients = _clients_of(settings)
    revocations = RevocationRunner(worker.database, vault=clients.vault, partners=clients.partners, oauth=clients.oauth)
    worker.part(revocations.run)
    _add_erasures(worker, settings)
    _add_exports(worker, settings, clients)
    _add_messages(worker, settings, clients)
    return worker


def _add_messages(worker: Worker, settings: Settings, clients: _Clients) -> None:
    sender = MessageSender(
        worker.database,
        settings=settings,
        vault=clients.vault,
        wechat=clients.wechat,
        offered=offered_templates(settings.message_templates),
    )
    worker.part(sender.run)
    worker.consume("accounts.rewards", topics.REWARDS, decoder=decoders.REWARDS, handler=orders.handle_rewards)
    worker.consume("accounts.freezes", topics.FREEZES, decoder=decoders.FREEZES, handler=freezing.handle_freezes)
    evening = EveningMessages(worker.database, settings=settings, grams=clients.grams)

    async def queue_evening(_session: Session) -> None:
        # It opens its own transactions, none of them during a call to accounting. The job's one stays unused.
        await evening.tick()

    if settings.accounting_base_url:
        worker.every(EVENING_EVERY_S, "evening_messages", queue_evening)


def _add_erasures(worker: Worker, settings: Settings) -> None:
    async def carry_out(_session: Session) -> None:
        # Each person has a transaction of its own. The job's one stays unused.
        await leaving.carry_out_due(worker.database, settings=settings)

    worker.every(ERASE_EVERY_S, "erase", carry_out)
    worker.every(MINUTELY_S, "ask_erasures_again", partial(erasures.ask_again, settings=settings))
    worker.every(MINUTELY_S, "measure_erasures", erasures.measure)
    for service, topic in ERASURE_ANSWERS.items():
        worker.consume(
            f"accounts.erasures.{service}",
            topic,
            decoder=decoders.ERASURES,
            handler=partial(erasures.handle_answers, service=service),
        )


def _add_exports(worker: Worker, settings: Settings, clients: _Clients) -> None:
    async def build(_session: Session) -> None:
        # No transaction is open while other services are asked. The job's one stays unused.
        await exports.build_next(worker.database, settings=settings, vault=clients.vault, reader=clients.rows)

    worker.every(EXPORT_EVERY_S, "export", build)


if __name__ == "__main__":
    run(build)
