"""Worker process of the accounts service: publishes bindings and households, deletes expired rows, counts look-ups."""

from services.accounts.bindings import tokens
from services.accounts.database import SCHEMA
from services.accounts.grams.client import GramsReader
from services.accounts.households import service as households
from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.messages import orders
from services.accounts.messages import service as messages
from services.accounts.messages.evening import EveningMessages
from services.accounts.messages.sending import MessageSender
from services.accounts.messages.templates import offered_templates
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operator_sessions import service as operator_sessions
from services.accounts.operators import service as operators
from services.accounts.quotas import service as quotas
from services.accounts.resources import vault_of, wechat_of
from services.accounts.sessions import service as sessions
from services.accounts.settings import Settings
from services.accounts.text_checks import service as text_checks
from shared import idempotency
from shared.contracts.topics import BINDINGS, HOUSEHOLDS, REWARDS
from shared.db import Session
from shared.worker import Worker, run

PURGE_EVERY_S = 300
EVENING_EVERY_S = 60
LOOK_UPS_MEASURED_EVERY_S = 60
# One purge is one transaction. The bound keeps it short. The next purge deletes the rest.
PURGE_ROWS_MAX = 5_000


async def purge(session: Session) -> None:
    """Delete expired sessions, tokens, codes, nonces, counts, invitations, idempotency keys, a bounded number each."""
    await sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await tokens.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await households.purge_invitations(session, at_most=PURGE_ROWS_MAX)
    await log_in_codes.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_accounts.purge_past(session, at_most=PURGE_ROWS_MAX)
    await operator_sessions.purge_expired(session, at_most=PURGE_ROWS_MAX)
    await messages.purge_past(session, at_most=PURGE_ROWS_MAX)
    await text_checks.purge_past(session, at_most=PURGE_ROWS_MAX)
    await quotas.purge_past(session, at_most=PURGE_ROWS_MAX)
    await idempotency.purge(session, schema=SCHEMA)


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = Worker("accounts", settings)
    worker.publish(BINDINGS)
    worker.publish(HOUSEHOLDS)
    worker.every(PURGE_EVERY_S, "purge", purge)
    worker.every(LOOK_UPS_MEASURED_EVERY_S, "look_ups", operators.measure_look_ups)
    sender = MessageSender(
        worker.database,
        settings=settings,
        vault=vault_of(settings),
        wechat=wechat_of(settings),
        offered=offered_templates(settings.message_templates),
    )
    worker.part(sender.run)
    worker.consume("accounts.rewards", REWARDS, decoder=orders.DECODER, handler=orders.handle_rewards)
    grams = GramsReader(base_url=settings.accounting_base_url, service_key=settings.service_key)
    evening = EveningMessages(worker.database, settings=settings, grams=grams)

    async def queue_evening(_session: Session) -> None:
        # It opens its own transactions, none of them during a call to accounting. The job's one stays unused.
        await evening.tick()

    if settings.accounting_base_url:
        worker.every(EVENING_EVERY_S, "evening_messages", queue_evening)
    return worker


if __name__ == "__main__":
    run(build)
