"""The second process of a service: consumers, the outbox relay and timed jobs, with its own health and metrics."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from shared import telemetry
from shared.app import Check, health_router
from shared.consumer import Consumer, Handler
from shared.contracts.topics import COMPACTED, DEADLETTER_PARTITIONS, DEADLETTER_SUFFIX, PARTITIONS
from shared.db import Database
from shared.eventlog import EventLog, open_event_log
from shared.eventlog.errors import EventLogError
from shared.outbox import OutboxRelay
from shared.polling import Prepare
from shared.projection import Decoded, Decoder, ItemHandler, handle_decoded, prepare_decoded
from shared.settings import ServiceSettings

T = TypeVar("T")
Job = Callable[[AsyncSession], Awaitable[object]]
_START_ATTEMPTS = 30
_START_PAUSE_S = 1.0
_TRIM_EVERY_S = 600.0
_GC_THRESHOLDS = (200_000, 20, 50)

_log = structlog.get_logger(__name__)


class Worker:
    """Assembled by a service's `worker.py`, then run until SIGTERM.

    A part that fails ends the process. A supervisor restarts it; everything it does is safe to repeat.
    """

    def __init__(self, service: str, settings: ServiceSettings) -> None:
        telemetry.configure_logging(f"{service}-worker", settings.log_level)
        self.service, self.settings = service, settings
        self.database = Database(
            settings.database_url,
            pool_size=settings.database_pool_size,
            application_name=f"{service}-worker",
            plan_each_time=True,
        )
        self.log: EventLog = open_event_log(settings.event_log_url, client_id=f"{service}-worker")
        self._parts: list[Callable[[asyncio.Event], Coroutine[Any, Any, None]]] = []
        self._checks: dict[str, Check] = {"database": self.database.ping, "log": self.log.ping}
        self._topics: set[str] = set()

    def topic(self, name: str) -> str:
        return self.settings.topic_prefix + name

    @overload
    def consume(
        self, name: str, topic: str, handler: Handler, *, prepare: Prepare | None = None, lanes: int = 1
    ) -> None: ...

    @overload
    def consume(
        self, name: str, topic: str, handler: ItemHandler[T], *, decoder: Decoder[T], lanes: int = 1
    ) -> None: ...

    @overload
    def consume(
        self,
        name: str,
        topic: str,
        handler: Handler,
        *,
        decoder: Decoder[T],
        prepare: Callable[[Decoded[T]], Any],
        lanes: int = 1,
    ) -> None: ...

    def consume(
        self,
        name: str,
        topic: str,
        handler: Any,
        *,
        decoder: Decoder[Any] | None = None,
        prepare: Callable[[Any], Any] | None = None,
        lanes: int = 1,
    ) -> None:
        """Run `handler` for every record of `topic`, exactly once in effect, under the consumer's `name`.

        With `decoder` the handler gets (record, message) pairs; unreadable records become dead letters. With `decoder`
        and `prepare` it gets what `prepare` made of the Decoded records, and returns the dead letters itself.
        Decoding and `prepare` run while the database works on the poll before.

        `lanes` transactions run concurrently, each on its own partitions: while one waits for the database, the
        processor works for another.
        """
        if decoder is not None:
            handler = handle_decoded(handler) if prepare is None else handler
            prepare = prepare_decoded(decoder, prepare, compacted=topic in COMPACTED)
        consumers = [
            Consumer(
                name=name,
                topic=self.topic(topic),
                schema=self.service,
                database=self.database,
                log=self.log,
                settings=self.settings,
                handler=handler,
                prepare=prepare,
                lane=lane,
            )
            for lane in range(lanes)
        ]

        async def check() -> None:
            for consumer in consumers:
                await consumer.check()

        self._topics.update({topic, topic + DEADLETTER_SUFFIX})
        self._parts += [consumer.run for consumer in consumers]
        self._checks[name] = check

    def publish(self, *topics: str) -> None:
        """Run the relay of this service's outbox. `topics` are the topics that it publishes to."""
        self._topics.update(topics)
        self._parts.append(OutboxRelay(self.service, self.database, self.log).run)

    def check(self, name: str, check: Check) -> None:
        """Add a part to `/readyz`. A returned text is shown as a warning; an exception makes the worker not ready."""
        self._checks[name] = check

    def part(self, run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        """Run a part of the service until the event passed to it is set."""
        self._parts.append(run)

    def every(self, interval_s: float, name: str, job: Job) -> None:
        """Run `job` every `interval_s` in a new transaction. A failure is logged and does not end the worker."""

        async def loop(stopping: asyncio.Event) -> None:
            while not stopping.is_set():
                try:
                    async with self.database.transaction() as session:
                        await job(session)
                except Exception as exc:
                    _log.warning("job_failed", job=name, error=repr(exc)[:500])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), interval_s)

        self._parts.append(loop)

    async def _trim(self, stopping: asyncio.Event) -> None:
        """Trim the embedded log to its retention. Kafka brokers trim their logs themselves and answer 0."""
        while not stopping.is_set():
            try:
                while await self.log.trim() and not stopping.is_set():
                    await asyncio.sleep(0)
            except (EventLogError, OSError) as exc:
                _log.warning("trim_failed", error=repr(exc)[:300])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _TRIM_EVERY_S)

    async def _ensure_topics(self) -> None:
        for topic in sorted(self._topics):
            partitions = PARTITIONS.get(topic, DEADLETTER_PARTITIONS)
            await self.log.ensure_topic(self.topic(topic), partitions=partitions, compacted=topic in COMPACTED)

    async def _start(self) -> None:
        for attempt in range(1, _START_ATTEMPTS + 1):
            try:
                await self.log.start()
                await self._ensure_topics()
                await self.database.ping()
            except (EventLogError, OSError) as exc:
                if attempt == _START_ATTEMPTS:
                    raise
                _log.warning("worker_waits", error=repr(exc)[:300], attempt=attempt)
                await asyncio.sleep(_START_PAUSE_S)
            else:
                return

    @contextlib.asynccontextmanager
    async def _health(self) -> AsyncIterator[None]:
        if not self.settings.worker_health_port:
            yield
            return
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.include_router(health_router(self.service, self._checks))
        config = uvicorn.Config(
            app,
            host=self.settings.worker_health_host,
            port=self.settings.worker_health_port,
            log_config=None,
            access_log=False,
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve())  # noqa: SLF001 - `serve` would take over the signals
        try:
            yield
        finally:
            server.should_exit = True
            await task

    async def run_until(self, stopping: asyncio.Event) -> None:
        """Run all parts until `stopping` is set or one of them fails."""
        await self._start()
        try:
            async with self._health(), asyncio.TaskGroup() as group:
                for part in (*self._parts, self._trim):
                    group.create_task(part(stopping))
                _log.info("worker_started", parts=len(self._parts))
        finally:
            await self.log.stop()
            await self.database.stop()


def run(worker_for: Callable[[], Worker]) -> None:
    """Entry point of `python -m services.<service>.worker`."""

    async def main() -> None:
        # Batches make thousands of small objects without cycles. A collection after every 700 of them, the default,
        # takes a tenth of the time. Imported objects are never garbage, so they are frozen.
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.freeze()
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await worker_for().run_until(stopping)

    uvloop.run(main())
