"""The ingest worker: archives events and verdicts, reads imported files, sends webhooks, runs timed jobs."""

from functools import partial

from services.ingest import topics as own_topics
from services.ingest.approvals import service as approvals
from services.ingest.archive import service as archive
from services.ingest.database import SCHEMA
from services.ingest.deliveries import service as deliveries
from services.ingest.deliveries.runner import DeliveryRunner
from services.ingest.deliveries.webhook_client import WebhookClient
from services.ingest.imports import service as imports
from services.ingest.imports.runner import ImportOptions, ImportRunner
from services.ingest.outcomes import service as outcomes
from services.ingest.partners import proposals
from services.ingest.partners.proof import opener
from services.ingest.partners.service import ChangeListener, PartnerRegistry
from services.ingest.reconciliation import service as reconciliation
from services.ingest.records import service as records
from services.ingest.records.nightly import NightlyCheck
from services.ingest.settings import Settings, sealer_of
from shared import dead_letters
from shared.contracts import topics
from shared.worker import Worker, run

MINUTELY_S = 60.0
HOUSEKEEPING_EVERY_S = 3600.0
CHECK_EVERY_S = 600.0
CATCH_UP_EVERY_S = 1.0


def build(settings: Settings | None = None) -> Worker:
    settings = settings or Settings()
    worker = Worker(SCHEMA, settings)
    worker.consume(
        "ingest.archive",
        topics.ACTIVITIES,
        partial(archive.handle_reports, time_zone=settings.time_zone),
        decoder=own_topics.ACTIVITIES_DECODER,
    )
    worker.consume(
        "ingest.rejections",
        topics.REJECTIONS,
        archive.handle_rejections,
        decoder=own_topics.REJECTIONS_DECODER,
    )
    worker.consume("ingest.outcomes", topics.OUTCOMES, archive.handle_outcomes, decoder=own_topics.OUTCOMES_DECODER)
    worker.publish(topics.INGEST_DIGESTS)  # and dead letters
    worker.part(_import_runner(worker, settings).run)
    worker.every(
        HOUSEKEEPING_EVERY_S,
        "archive_partitions",
        partial(archive.keep_partitions, months_kept=settings.archive_months_kept),
    )
    worker.every(HOUSEKEEPING_EVERY_S, "forget_rejections", archive.delete_old_rejections)
    worker.every(HOUSEKEEPING_EVERY_S, "forget_deliveries", deliveries.delete_old_deliveries)
    worker.every(HOUSEKEEPING_EVERY_S, "forget_outcomes", outcomes.delete_old)
    worker.every(CATCH_UP_EVERY_S, "webhooks_catch_up", deliveries.catch_up)
    client = WebhookClient(allow_loopback=settings.webhook_allow_loopback)
    worker.part(DeliveryRunner(worker.database, sealer_of(settings.sealing_keys), client).run)
    worker.every(HOUSEKEEPING_EVERY_S, "dead_letters", partial(dead_letters.delete_resolved, schema=SCHEMA))
    worker.every(MINUTELY_S, "expire_approvals", approvals.expire)
    worker.every(HOUSEKEEPING_EVERY_S, "forget_proposed_secrets", proposals.forget_secrets)
    worker.every(HOUSEKEEPING_EVERY_S, "imports", imports.clean_up)
    worker.every(HOUSEKEEPING_EVERY_S, "reconciliation", reconciliation.delete_old_reports)
    _seal_records(worker, settings)
    return worker


def _seal_records(worker: Worker, settings: Settings) -> None:
    seal = partial(
        records.seal_next_day,
        time_zone=settings.time_zone,
        delay_s=settings.digest_delay_s,
        signer=settings.digest_signer,
        topic=worker.topic(topics.INGEST_DIGESTS),
    )
    worker.every(MINUTELY_S, "seal_records", seal)
    if settings.digest_file is not None:
        worker.every(MINUTELY_S, "append_digests", partial(records.append_digests, path=settings.digest_file))
    check = NightlyCheck(opens=opener(sealer_of(settings.sealing_keys)), copy=settings.digest_file)
    worker.every(CHECK_EVERY_S, "check_records", check.run)


def _import_runner(worker: Worker, settings: Settings) -> ImportRunner:
    # The runner reloads the registry itself whenever it opens a file, so the listener is never started.
    registry = PartnerRegistry(worker.database, sealer_of(settings.sealing_keys), ChangeListener(settings.database_url))
    options = ImportOptions(
        pepper=settings.account_ref_pepper.get_secret_value(),
        topic_prefix=settings.topic_prefix,
        time_zone=settings.time_zone,
        lease_s=settings.lease_s,
        lines_per_s=settings.import_lines_per_s,
    )
    return ImportRunner(worker.database, worker.log, registry, options)


if __name__ == "__main__":
    run(build)
