"""The worker of the rewards service: drives open settlements, relays events, reports stock, deletes old keys."""

import asyncio
from functools import partial

from services.rewards.assembly import build_engine
from services.rewards.catalogue import service as catalogue
from services.rewards.database import SCHEMA
from services.rewards.settings import Settings
from shared import idempotency
from shared.contracts import topics
from shared.db import Session
from shared.httpclient import new_client
from shared.worker import Worker, run

DRIVE_EVERY_S = 1.0
WATCH_EVERY_S = 15.0
HOUSEKEEPING_EVERY_S = 600.0


class RewardsWorker(Worker):
    """Keeps the connections to accounting open while it runs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(SCHEMA, settings)
        self.accounting = new_client(settings.accounting_base_url)

    async def run_until(self, stopping: asyncio.Event) -> None:
        async with self.accounting:
            await super().run_until(stopping)


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = RewardsWorker(settings)
    engine = build_engine(settings, worker.database, worker.accounting)

    async def drive_due(_session: Session) -> None:
        # The engine opens its own transactions, none of them during a call to accounting. The job's one stays unused.
        await engine.drive_due()

    worker.publish(topics.REWARDS)
    worker.every(DRIVE_EVERY_S, "drive_settlements", drive_due)
    worker.every(WATCH_EVERY_S, "report_stuck", engine.report_stuck)
    worker.every(WATCH_EVERY_S, "report_low_stock", catalogue.report_low_stock)
    worker.every(HOUSEKEEPING_EVERY_S, "purge_idempotency", partial(idempotency.purge, schema=SCHEMA))
    return worker


if __name__ == "__main__":
    run(build)
