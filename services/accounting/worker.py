"""The accounting service's worker: posting, the bindings' projection, and timed jobs on
what is parked, to be corrected, due to vest, held too long or too old."""

from functools import partial

from services.accounting.activities import corrections, vesting
from services.accounting.activities import service as activities
from services.accounting.approvals import service as approvals
from services.accounting.database import SCHEMA
from services.accounting.households import service as households
from services.accounting.ledger import drift, expiry
from services.accounting.ledger import service as ledger
from services.accounting.methodologies.service import Library
from services.accounting.proofs import sealing
from services.accounting.settings import Settings
from services.accounting.what_if import service as what_if
from shared import dead_letters, idempotency
from shared.contracts import topics
from shared.db import Session
from shared.worker import Worker, run

SWEEP_EVERY_S = 1.0
EXPIRE_EVERY_S = 5.0
EXPIRE_GRAMS_EVERY_S = 2.0
COUNT_EVERY_S = 10.0
MINUTELY_S = 60.0
HOUSEKEEPING_EVERY_S = 600.0
WHAT_IF_EVERY_S = 0.5  # some thousand acts a time: 100,000 in under a minute, with room for posting between


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = Worker(SCHEMA, settings)
    library = Library()
    outcomes = worker.topic(topics.OUTCOMES)

    post = partial(activities.handle_decoded, library=library, time_zone=settings.time_zone, topic=outcomes)

    async def sweep(session: Session) -> None:
        programme = await activities.programme(session, library, time_zone=settings.time_zone, topic=outcomes)
        await activities.release_parked(session, programme=programme)

    # Each job locks people first and touches shared rows last, so no two of them share a transaction.
    async def correct(session: Session) -> None:
        programme = await activities.programme(session, library, time_zone=settings.time_zone, topic=outcomes)
        await corrections.apply_waiting(session, programme=programme)

    async def vest(session: Session) -> None:
        programme = await activities.programme(session, library, time_zone=settings.time_zone, topic=outcomes)
        await vesting.vest_due(session, programme=programme)

    async def expire_grams(session: Session) -> None:
        await expiry.expire_grams(session, valid_years=settings.grams_valid_years, time_zone=settings.time_zone)

    async def forget(session: Session) -> None:
        programme = await activities.programme(session, library, time_zone=settings.time_zone, topic=outcomes)
        await activities.forget_parked(session, programme=programme)

    async def forget_corrections(session: Session) -> None:
        programme = await activities.programme(session, library, time_zone=settings.time_zone, topic=outcomes)
        await corrections.forget_waiting(session, programme=programme)

    async def try_drafts(session: Session) -> None:
        await what_if.advance(session, time_zone=settings.time_zone)

    signer = settings.digest_signer

    async def seal(session: Session) -> None:
        await sealing.seal_next(session, time_zone=settings.time_zone, delay_s=settings.digest_delay_s, signer=signer)

    worker.consume(
        "accounting.posting", topics.ACTIVITIES, post, prepare=activities.decode_reports, lanes=settings.posting_lanes
    )
    worker.consume("accounting.bindings", topics.BINDINGS, activities.handle_bindings)
    worker.consume("accounting.households", topics.HOUSEHOLDS, households.handle_facts)
    worker.publish(topics.OUTCOMES)
    for name, job in (("sweep_parked", sweep), ("apply_corrections", correct), ("vest", vest)):
        worker.every(SWEEP_EVERY_S, name, job)
    worker.every(EXPIRE_EVERY_S, "expire_holds", ledger.expire_holds)
    worker.every(EXPIRE_GRAMS_EVERY_S, "expire_grams", expire_grams)
    worker.every(WHAT_IF_EVERY_S, "what_if", try_drafts)
    worker.every(MINUTELY_S, "expire_approvals", approvals.expire)
    worker.every(MINUTELY_S, "seal_day", seal)
    worker.every(MINUTELY_S, "check_increment", drift.check_increment)
    worker.every(COUNT_EVERY_S, "count_credits", drift.count_credits)
    worker.every(HOUSEKEEPING_EVERY_S, "forget_parked", forget)
    worker.every(HOUSEKEEPING_EVERY_S, "forget_corrections", forget_corrections)
    worker.every(HOUSEKEEPING_EVERY_S, "dead_letters", partial(dead_letters.delete_resolved, schema=SCHEMA))
    worker.every(HOUSEKEEPING_EVERY_S, "purge_idempotency", partial(idempotency.purge, schema=SCHEMA))
    return worker


if __name__ == "__main__":
    run(build)
