"""The accounting worker on a restored copy. It has no outbox relays, because the live system has published already."""

from services.accounting.worker import build
from shared.outbox import OutboxRelay
from shared.worker import Worker, run


def build_without_relays() -> Worker:
    worker = build()
    worker._parts = [part for part in worker._parts if not isinstance(getattr(part, "__self__", None), OutboxRelay)]
    return worker


if __name__ == "__main__":
    run(build_without_relays)
