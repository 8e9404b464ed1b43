"""The accounting service's worker: posting, projections of accounts' topics, and timed jobs."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from services.accounting import decoders
from services.accounting.approvals import service as approvals
from services.accounting.bindings import service as bindings
from services.accounting.checks import service as checks
from services.accounting.consents import service as consents
from services.accounting.corrections import service as corrections
from services.accounting.database import SCHEMA
from services.accounting.enterprises import service as enterprises
from services.accounting.erasures import service as erasures
from services.accounting.households import service as households
from services.accounting.intake import service as intake
from services.accounting.ledger import expiry, holds
from services.accounting.mandates import service as mandates
from services.accounting.methodologies.service import Library
from services.accounting.posting import freed_room, late_bindings, parking
from services.accounting.posting.closing import Programme, ProgrammeSource
from services.accounting.proofs import nightly, sealing
from services.accounting.settings import Settings
from services.accounting.totals import service as totals
from services.accounting.vesting import service as vesting
from services.accounting.what_if import service as what_if
from shared import dead_letters, idempotency
from shared.contracts import topics
from shared.db import Session
from shared.worker import Worker, run

SWEEP_EVERY_S = 1.0
ERASE_EVERY_S = 0.5  # some steps of a few hundred milliseconds
EXPIRE_EVERY_S = 5.0
EXPIRE_GRAMS_EVERY_S = 2.0
COUNT_EVERY_S = 10.0
RECHECK_LIBRARY_EVERY_S = 10.0
MINUTELY_S = 60.0
NIGHTLY_STEP_EVERY_S = 3.0  # a step works for two seconds at most
HOUSEKEEPING_EVERY_S = 600.0
WHAT_IF_EVERY_S = 0.5  # some thousand acts a run: 100,000 acts in under a minute, with time for posting in between


class ProgrammeJob(Protocol):
    """A timed job that needs the methodologies in force."""

    def __call__(self, session: Session, *, programme: Programme) -> Awaitable[Any]: ...


def _with_programme(job: ProgrammeJob, programmes: ProgrammeSource) -> Callable[[Session], Awaitable[None]]:
    async def work(session: Session) -> None:
        await job(session, programme=await programmes.current(session))

    return work


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = Worker(SCHEMA, settings)
    library = Library()
    programmes = ProgrammeSource.of(library, settings)
    worker.every(RECHECK_LIBRARY_EVERY_S, "recheck_library", library.recheck)
    worker.check("methodologies", library.warning)
    _consume(worker, programmes, settings)
    worker.publish(topics.OUTCOMES, topics.DIGESTS, topics.FREEZES, topics.ACCOUNTING_ERASURES)
    _add_erasures(worker)
    apply_corrections = partial(corrections.apply_waiting, deadline_days=settings.correction_days)
    # Each job locks people first and shared rows last, so each has its own transaction.
    for interval_s, name, job in (
        (SWEEP_EVERY_S, "sweep_parked", parking.release_parked),
        (SWEEP_EVERY_S, "release_held", parking.release_held),
        (SWEEP_EVERY_S, "apply_corrections", apply_corrections),
        (SWEEP_EVERY_S, "fill_freed_room", freed_room.fill_freed_room),
        (SWEEP_EVERY_S, "settle_late_bindings", late_bindings.settle_late),
        (SWEEP_EVERY_S, "vest", vesting.vest_due),
        (HOUSEKEEPING_EVERY_S, "forget_parked", parking.forget_parked),
        (SWEEP_EVERY_S, "refuse_corrections", corrections.refuse_hopeless),
    ):
        worker.every(interval_s, name, _with_programme(job, programmes))
    _add_plain_jobs(worker, settings)
    return worker


def _consume(worker: Worker, programmes: ProgrammeSource, settings: Settings) -> None:
    worker.consume(
        "accounting.posting",
        topics.ACTIVITIES,
        decoder=decoders.ACTIVITIES,
        prepare=intake.sort_reports,
        handler=partial(intake.handle_poll, programmes=programmes),
        lanes=settings.posting_lanes,
    )
    worker.consume("accounting.bindings", topics.BINDINGS, decoder=decoders.BINDINGS, handler=bindings.handle_bindings)
    worker.consume("accounting.consents", topics.CONSENTS, decoder=decoders.CONSENTS, handler=consents.handle_consents)
    worker.consume(
        "accounting.households", topics.HOUSEHOLDS, decoder=decoders.HOUSEHOLDS, handler=households.handle_facts
    )
    worker.consume(
        "accounting.enterprises", topics.ENTERPRISES, decoder=decoders.ENTERPRISES, handler=enterprises.handle_facts
    )
    worker.consume("accounting.mandates", topics.MANDATES, decoder=decoders.MANDATES, handler=mandates.handle_mandates)


def _add_erasures(worker: Worker) -> None:
    topic = worker.topic(topics.ACCOUNTING_ERASURES)
    worker.consume(
        "accounting.erasures",
        topics.ERASURES,
        decoder=decoders.ERASURES,
        handler=partial(erasures.handle_asked, topic=topic),
    )

    async def erase(_session: Session) -> None:
        # Each step has a transaction of its own. The job's one stays unused.
        await erasures.erase_all_due(worker.database, topic=topic)

    worker.every(ERASE_EVERY_S, "erase", erase)
    worker.every(MINUTELY_S, "withdraw_late_grams", erasures.withdraw_late_grams)


def _add_plain_jobs(worker: Worker, settings: Settings) -> None:
    zone = settings.time_zone
    seal, seal_records = (
        partial(
            job,
            time_zone=zone,
            delay_s=settings.digest_delay_s,
            signer=settings.digest_signer,
            topic=worker.topic(topics.DIGESTS),
        )
        for job in (sealing.seal_next_day, sealing.seal_next_records)
    )
    nightly_check = partial(nightly.check_step, digest_file_path=settings.digest_file)
    if settings.digest_file is not None:
        worker.every(MINUTELY_S, "append_digests", partial(sealing.append_digests, path=settings.digest_file))
    expire_grams = partial(expiry.expire_grams, valid_years=settings.grams_valid_years, time_zone=zone)
    for interval_s, name, job in (
        (EXPIRE_EVERY_S, "expire_holds", holds.expire_holds),
        (EXPIRE_GRAMS_EVERY_S, "expire_grams", expire_grams),
        (WHAT_IF_EVERY_S, "what_if", partial(what_if.advance_oldest_run, time_zone=zone)),
        (MINUTELY_S, "expire_approvals", approvals.expire),
        (MINUTELY_S, "seal_day", seal),
        (MINUTELY_S, "seal_records", seal_records),
        (NIGHTLY_STEP_EVERY_S, "nightly_check", nightly_check),
        (MINUTELY_S, "check_increment", checks.check_increment),
        (COUNT_EVERY_S, "count_credits", totals.count_credits),
        (COUNT_EVERY_S, "rank_credits", partial(totals.rank_credits, time_zone=zone)),
        (HOUSEKEEPING_EVERY_S, "dead_letters", partial(dead_letters.delete_resolved, schema=SCHEMA)),
        (HOUSEKEEPING_EVERY_S, "purge_idempotency", partial(idempotency.purge, schema=SCHEMA)),
    ):
        worker.every(interval_s, name, job)


if __name__ == "__main__":
    run(build)
