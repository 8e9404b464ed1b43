"""The ingest service's worker: the archive of what was received, and what accounting made of it."""

from services.ingest import topics as own_topics
from services.ingest.archive import service as archive
from services.ingest.database import SCHEMA
from services.ingest.settings import Settings
from shared.contracts import topics
from shared.worker import Worker, run

HOUSEKEEPING_EVERY_S = 3600.0


def build(settings: Settings | None = None) -> Worker:
    worker = Worker(SCHEMA, settings or Settings())
    worker.consume("ingest.archive", topics.ACTIVITIES, archive.handle_reports)
    worker.consume("ingest.rejections", own_topics.REJECTIONS, archive.handle_rejections)
    worker.consume("ingest.outcomes", topics.OUTCOMES, archive.handle_outcomes)
    worker.publish()  # dead letters
    worker.every(HOUSEKEEPING_EVERY_S, "forget_rejections", archive.forget_rejections)
    return worker


if __name__ == "__main__":
    run(build)
