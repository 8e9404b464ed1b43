"""The worker of the rewards service: drives open settlements, reconciles with accounting, draws documents, relays
events, reports."""

import asyncio
from functools import partial

from services.rewards.approvals import service as approvals
from services.rewards.assembly import build_engine, build_reconciler
from services.rewards.badges.rules import load_rules
from services.rewards.banks import service as banks
from services.rewards.budgets import service as budgets
from services.rewards.campaigns.settling import DONATION
from services.rewards.catalogue import service as catalogue
from services.rewards.clearing import service as clearing
from services.rewards.database import SCHEMA
from services.rewards.documents import making
from services.rewards.documents import service as documents
from services.rewards.enterprises import service as enterprises
from services.rewards.erasures import service as erasures
from services.rewards.loans import service as loans
from services.rewards.memberships import service as memberships
from services.rewards.merchants import credentials
from services.rewards.participants import service as participants
from services.rewards.recognition import decoders as recognised
from services.rewards.recognition import service as recognition
from services.rewards.reconciliation import service as reconciliation
from services.rewards.refreshing import service as refreshing
from services.rewards.settings import Settings
from services.rewards.settlement.desk import Desk
from services.rewards.standing_orders import running as standing_orders
from services.rewards.vouchers import using as vouchers
from shared import erasing, idempotency
from shared.contracts import topics
from shared.db import Session
from shared.httpclient import new_client
from shared.worker import Worker, run

DRIVE_EVERY_S = 1.0
DRAW_EVERY_S = 1.0
RECONCILE_EVERY_S = 1.0
ERASE_EVERY_S = 1.0
REFRESH_EVERY_S = 0.5
EXPIRE_EVERY_S = 5.0
WATCH_EVERY_S = 15.0
MINUTELY_S = 60.0
HOUSEKEEPING_EVERY_S = 600.0


class RewardsWorker(Worker):
    """Keeps the connections to accounting open while it runs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(SCHEMA, settings)
        self.accounting = new_client(settings.accounting_base_url)
        self.desks: list[Desk] = []

    async def run_until(self, stopping: asyncio.Event) -> None:
        async with self.accounting:
            await super().run_until(stopping)
            for desk in self.desks:
                await desk.stop()


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = RewardsWorker(settings)
    engine = build_engine(settings, worker.database, worker.accounting)

    async def drive_due(_session: Session) -> None:
        # The engine opens its own transactions, none of them during a call to accounting. The job's one stays unused.
        await engine.drive_due()

    donations = Desk(engine, DONATION)
    worker.desks.append(donations)

    async def give_monthly(_session: Session) -> None:
        # As above: the desk opens its own transactions.
        await standing_orders.run_due(worker.database, donations, time_zone=settings.time_zone)

    async def make_documents(_session: Session) -> None:
        # As above: no transaction is open while a file is drawn.
        await making.make_due(worker.database)

    reconciler = build_reconciler(settings, worker.database, worker.accounting)

    async def reconcile(_session: Session) -> None:
        # As above: no transaction is open during a call to accounting.
        await reconciler.advance()
        await reconciler.repeat_captures()

    worker.publish(topics.REWARDS, topics.REWARDS_ERASURES)
    _add_erasures(worker)
    _add_recognition(worker, settings)
    _add_vouchers_and_merchants(worker)
    worker.consume(
        "rewards.enterprises", topics.ENTERPRISES, decoder=enterprises.DECODER, handler=enterprises.handle_facts
    )
    worker.every(DRIVE_EVERY_S, "drive_settlements", drive_due)
    worker.every(MINUTELY_S, "give_monthly", give_monthly)
    worker.every(DRAW_EVERY_S, "make_documents", make_documents)
    worker.every(WATCH_EVERY_S, "report_late_documents", documents.report_late)
    worker.every(WATCH_EVERY_S, "report_stuck", engine.report_stuck)
    worker.every(WATCH_EVERY_S, "report_low_stock", catalogue.report_low_stock)
    worker.every(WATCH_EVERY_S, "report_budgets", budgets.report)
    worker.every(RECONCILE_EVERY_S, "reconcile", reconcile)
    start_nightly = partial(reconciliation.start_nightly, time_zone=settings.time_zone)
    worker.every(MINUTELY_S, "start_reconciliation", start_nightly)
    worker.every(MINUTELY_S, "expire_approvals", approvals.expire)
    worker.every(WATCH_EVERY_S, "report_reconciliation", reconciliation.report)
    worker.every(WATCH_EVERY_S, "void_unanswered_offsets", loans.void_unanswered)
    worker.every(HOUSEKEEPING_EVERY_S, "delete_quotes", loans.delete_old_quotes)
    worker.every(HOUSEKEEPING_EVERY_S, "delete_nonces", banks.delete_old)
    worker.every(HOUSEKEEPING_EVERY_S, "delete_documents", documents.delete_unused)
    worker.every(HOUSEKEEPING_EVERY_S, "delete_reconciliations", reconciliation.delete_old_runs)
    worker.every(HOUSEKEEPING_EVERY_S, "purge_idempotency", partial(idempotency.purge, schema=SCHEMA))
    return worker


def _add_vouchers_and_merchants(worker: Worker) -> None:
    worker.every(EXPIRE_EVERY_S, "expire_vouchers", vouchers.expire_due)
    topic = worker.topic(topics.REWARDS)
    worker.every(MINUTELY_S, "remind_of_vouchers", partial(vouchers.remind_due, topic=topic))
    worker.every(MINUTELY_S, "settle_merchants", clearing.close_due)
    worker.every(HOUSEKEEPING_EVERY_S, "delete_old_credentials", credentials.delete_old)


def _add_erasures(worker: Worker) -> None:
    topic = worker.topic(topics.REWARDS_ERASURES)
    worker.consume(
        "rewards.erasures",
        topics.ERASURES,
        decoder=erasing.DECODER,
        handler=partial(refreshing.handle_erasures, topic=topic),
    )

    async def erase(_session: Session) -> None:
        # Each step has a transaction of its own. The job's one stays unused.
        await erasures.erase_all_due(worker.database, topic=topic)

    worker.every(ERASE_EVERY_S, "erase", erase)


def _add_recognition(worker: Worker, settings: Settings) -> None:
    load_rules()  # a document with a fault stops the start
    zone = settings.time_zone
    worker.consume(
        "rewards.recognition",
        topics.OUTCOMES,
        decoder=recognised.OUTCOMES,
        handler=partial(recognition.handle_outcomes, time_zone=zone),
    )
    worker.consume(
        "rewards.recognised_donations",
        topics.REWARDS,
        decoder=recognised.REWARDS,
        handler=partial(recognition.handle_rewards, time_zone=zone),
    )

    worker.consume(
        "rewards.consents", topics.CONSENTS, decoder=recognised.CONSENTS, handler=participants.handle_consents
    )
    worker.consume(
        "rewards.households", topics.HOUSEHOLDS, decoder=recognised.HOUSEHOLDS, handler=memberships.handle_households
    )
    worker.consume(
        "rewards.enterprise_memberships",
        topics.ENTERPRISES,
        decoder=recognised.ENTERPRISES,
        handler=memberships.handle_enterprises,
    )

    async def refresh(_session: Session) -> None:
        # Each round has a transaction of its own. The job's one stays unused.
        await refreshing.refresh_all_due(worker.database, time_zone=zone)

    worker.every(REFRESH_EVERY_S, "refresh_recognition", refresh)
    worker.every(WATCH_EVERY_S, "end_ranking_consents", participants.end_consents)
    worker.every(MINUTELY_S, "delete_old_boards", partial(refreshing.delete_old_boards, time_zone=zone))


if __name__ == "__main__":
    run(build)
