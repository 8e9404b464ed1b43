"""The worker's part that sends: claims what is due, sends it, writes down what happened.

Claiming and noting are short transactions of their own; while a receiver takes its time, none is open. A process that
dies in between loses nothing: the claim ends by itself and the delivery goes out again under the same webhook-id.
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
from services.ingest.deliveries.domain import GIVEN_UP_AFTER, JITTER_PERCENT, Attempt, retry_delay_s
from services.ingest.deliveries.sender import TOTAL_TIMEOUT_S, Message, Sender
from services.ingest.deliveries.service import place_of_secret
from shared import clock, telemetry
from shared.db import Database, Session
from shared.sealing import SealBroken, Sealer

IN_FLIGHT_MAX = 16
# One slow receiver must not take all places.
PER_PARTNER_MAX = 4
_PER_CLAIM = 2
CLAIM_FOR = timedelta(seconds=4 * TOTAL_TIMEOUT_S)
IDLE_S = 0.5
GRACE_S = 2.0  # well below the time a supervisor gives a process to stop
_FAILURE_PAUSE_S = 2.0

_log = structlog.get_logger(__name__)


class Courier:
    """`run` until stopped; several processes may run one each."""

    def __init__(self, database: Database, sealer: Sealer, sender: Sender) -> None:
        self._database, self._sealer, self._sender = database, sealer, sender
        self._in_flight: dict[asyncio.Task[None], str] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        async with self._sender:
            while not stopping.is_set():
                try:
                    claimed = await self._claim()
                    pause_s = IDLE_S
                except Exception as exc:
                    _log.warning("deliveries_not_claimed", error=repr(exc)[:300])
                    claimed, pause_s = [], _FAILURE_PAUSE_S
                for row in claimed:
                    task = asyncio.create_task(self._deliver(row))
                    self._in_flight[task] = row["partner_id"]
                    task.add_done_callback(self._in_flight.pop)
                if not claimed:
                    await self._rest(stopping, pause_s)
            await self._end()

    async def _end(self) -> None:
        """A moment for what is under way; the rest goes out again once its claim has ended."""
        running = list(self._in_flight)
        if running:
            _, left = await asyncio.wait(running, timeout=GRACE_S)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _rest(self, stopping: asyncio.Event, pause_s: float) -> None:
        """Until something may have become possible: a place is free, time has passed, or the end."""
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
        busy = [partner_id for partner_id, count in counts.items() if count > PER_PARTNER_MAX - _PER_CLAIM]
        now = clock.now()
        if not self._in_flight and not await self._database.scalar_once(repository.any_due(now)):
            return []  # as nearly always: one round trip
        async with self._database.transaction() as session:
            return list(
                await repository.claim(
                    session, now=now, until=now + CLAIM_FOR, busy=busy, per_partner=_PER_CLAIM, most=free
                )
            )

    async def _deliver(self, row: repository.Row) -> None:
        try:
            started_at = clock.now()
            attempt = await self._attempt(row)
            async with self._database.transaction() as session:
                await repository.note_attempt(
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
                await self._note(session, row, attempt)
        except Exception as exc:
            # The claim ends by itself and the delivery is tried again.
            _log.warning("delivery_not_noted", delivery=str(row["delivery_id"]), error=repr(exc)[:300])

    async def _attempt(self, row: repository.Row) -> Attempt:
        place = place_of_secret(row["partner_id"])
        sealed = [row["secret_sealed"], row["previous_secret_sealed"]]
        try:
            secrets = [self._sealer.open(one, place) for one in sealed if one is not None]
        except SealBroken:
            return Attempt(duration_ms=0, error="the secret does not open; rotate it")
        delivery_id: UUID = row["delivery_id"]
        message = Message(delivery_id=delivery_id.hex, url=row["url"], payload=row["payload"], secrets=secrets)
        return await self._sender.send(message, at=clock.now())

    async def _note(self, session: Session, row: repository.Row, attempt: Attempt) -> None:
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
            await repository.note_success(session, partner_id, now)
            return
        await repository.note_failure(session, partner_id, now)
        await self._give_up(session, partner_id, attempt, exhausted=delay_s is None)

    async def _give_up(self, session: Session, partner_id: str, attempt: Attempt, *, exhausted: bool) -> None:
        now = clock.now()
        reason = "GONE" if attempt.gone else "FAILING"
        if not attempt.gone and not exhausted:
            return
        since = None if attempt.gone else now - GIVEN_UP_AFTER
        if await repository.disable(session, partner_id, reason=reason, at=now, failing_since_before=since):
            telemetry.WEBHOOKS_DISABLED.labels(reason).inc()
            _log.error("webhook_disabled", partner=partner_id, reason=reason)
