"""The part of the worker that sends deliveries: claims due ones, sends them, records the result.

Claiming and recording are short transactions of their own. No transaction is open while a receiver answers. If the
process dies in between, its claim expires and the delivery is sent again under the same webhook-id.
"""

import asyncio
import contextlib
import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from services.ingest.deliveries import repository
from services.ingest.deliveries.domain import BULK, DISABLE_AFTER, FRESH, JITTER_PERCENT, Attempt, retry_delay_s
from services.ingest.deliveries.service import secret_place, stop_endpoint
from services.ingest.deliveries.webhook_client import TOTAL_TIMEOUT_S, WebhookClient, WebhookMessage
from shared import clock, telemetry
from shared.db import Database, Session
from shared.sealing import SealBroken, Sealer

IN_FLIGHT_MAX = 32
# One slow receiver must not occupy all places, nor its backlog the places of its fresh results.
PER_LANE_MAX = 4
_PER_CLAIM = 2
_LANE_FREE_AT = PER_LANE_MAX - _PER_CLAIM
CLAIM_FOR = timedelta(seconds=4 * TOTAL_TIMEOUT_S)
IDLE_S = 0.5
GRACE_S = 2.0  # well below the time that a supervisor gives a process to stop
_FAILURE_PAUSE_S = 2.0

_log = structlog.get_logger(__name__)


class DeliveryRunner:
    """Runs until stopped. Several processes may run one each."""

    def __init__(self, database: Database, sealer: Sealer, client: WebhookClient) -> None:
        self._database, self._sealer, self._client = database, sealer, client
        self._in_flight: dict[asyncio.Task[None], tuple[str, int]] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        async with self._client:
            while not stopping.is_set():
                try:
                    claimed = await self._claim()
                    pause_s = IDLE_S
                except Exception as exc:
                    _log.warning("deliveries_not_claimed", error=repr(exc)[:300])
                    claimed, pause_s = [], _FAILURE_PAUSE_S
                for row in claimed:
                    task = asyncio.create_task(self._deliver(row))
                    self._in_flight[task] = (row["partner_id"], row["lane"])
                    task.add_done_callback(self._in_flight.pop)
                if not claimed:
                    await self._wait(stopping, pause_s)
            await self._stop()

    async def _stop(self) -> None:
        """Wait a moment for running attempts. The others are sent again once their claims have expired."""
        running = list(self._in_flight)
        if running:
            _, left = await asyncio.wait(running, timeout=GRACE_S)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _wait(self, stopping: asyncio.Event, pause_s: float) -> None:
        """Wait until a place is free, `pause_s` has passed, or the process is to stop."""
        halt = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({halt, *self._in_flight}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            halt.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await halt

    async def _claim(self) -> list[repository.Row]:
        free = IN_FLIGHT_MAX - len(self._in_flight)
        if free <= 0:
            return []
        counts = Counter(self._in_flight.values())
        busy = {
            lane: [name for (name, in_lane), count in counts.items() if in_lane == lane and count > _LANE_FREE_AT]
            for lane in (FRESH, BULK)
        }
        now = clock.now()
        if not self._in_flight and not await self._database.scalar_once(repository.any_due(now)):
            return []  # the usual case, at the cost of one round trip
        async with self._database.transaction() as session:
            return list(
                await repository.claim_due(
                    session,
                    now=now,
                    until=now + CLAIM_FOR,
                    busy_fresh=busy[FRESH],
                    busy_bulk=busy[BULK],
                    per_lane=_PER_CLAIM,
                    most=free,
                )
            )

    async def _deliver(self, row: repository.Row) -> None:
        try:
            started_at = clock.now()
            attempt = await self._attempt(row)
            async with self._database.transaction() as session:
                await repository.add_attempt(
                    session,
                    {
                        "delivery_id": row["delivery_id"],
                        "number": row["attempts_total"],
                        "started_at": started_at,
                        "duration_ms": attempt.duration_ms,
                        "status_code": attempt.status_code,
                        "error": attempt.error,
                    },
                )
                await self._record_result(session, row, attempt)
        except Exception as exc:
            # The claim expires and the delivery is tried again.
            _log.warning("delivery_not_noted", delivery=str(row["delivery_id"]), error=repr(exc)[:300])

    async def _attempt(self, row: repository.Row) -> Attempt:
        place = secret_place(row["partner_id"])
        sealed = [row["secret_sealed"], row["previous_secret_sealed"]]
        try:
            secrets = [self._sealer.open(one, place) for one in sealed if one is not None]
        except SealBroken:
            return Attempt(duration_ms=0, error="the secret does not open; rotate it")
        delivery_id: UUID = row["delivery_id"]
        message = WebhookMessage(delivery_id=delivery_id.hex, url=row["url"], payload=row["payload"], secrets=secrets)
        return await self._client.send(message, at=clock.now())

    async def _record_result(self, session: Session, row: repository.Row, attempt: Attempt) -> None:
        now, partner_id = clock.now(), row["partner_id"]
        values: dict[str, Any] = {"last_status_code": attempt.status_code, "last_error": attempt.error}
        delay_s = None
        if attempt.delivered:
            outcome = "delivered"
        else:
            spread = random.randint(-JITTER_PERCENT, JITTER_PERCENT)  # noqa: S311 - spreads load, hides nothing
            delay_s = retry_delay_s(row["attempts"], spread_percent=spread, retry_after_s=attempt.retry_after_s)
            outcome = "retry" if delay_s is not None else "exhausted"
        if delay_s is not None:
            values |= {"next_attempt_at": now + timedelta(seconds=delay_s)}
        else:
            values |= {"status": outcome, "next_attempt_at": None, "finished_at": now}
        await repository.finish_attempt(session, row["delivery_id"], row["attempts_total"], values)
        telemetry.WEBHOOK_ATTEMPTS.labels(partner_id, outcome).inc()
        if attempt.delivered:
            await repository.record_success(session, partner_id, now)
            return
        await repository.record_failure(session, partner_id, now)
        await self._disable_if_dead(session, partner_id, attempt, exhausted=delay_s is None)

    async def _disable_if_dead(self, session: Session, partner_id: str, attempt: Attempt, *, exhausted: bool) -> None:
        now = clock.now()
        reason = "GONE" if attempt.gone else "FAILING"
        if not attempt.gone and not exhausted:
            return
        since = None if attempt.gone else now - DISABLE_AFTER
        if await stop_endpoint(session, partner_id=partner_id, reason=reason, at=now, failing_since_before=since):
            telemetry.WEBHOOKS_DISABLED.labels(reason).inc()
            _log.error("webhook_disabled", partner=partner_id, reason=reason)
