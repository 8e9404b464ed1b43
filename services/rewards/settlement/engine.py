"""Drives orders and donations to one of their two ends: in the request or, if that dies, in the worker.

No row is locked and no transaction is open during a call to accounting. Two drivers of one settlement do no harm:
accounting gives both the same answer, and only one of them finds the expected state.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from pydantic import BaseModel

from services.rewards.database import SCHEMA, SettledTable
from services.rewards.settlement import repository, service
from services.rewards.settlement.domain import HoldAnswer, Reason, Settlement, Status, Step, next_step
from services.rewards.settlement.errors import refusal_for
from services.rewards.settlement.holds import HoldReply, Holds
from services.rewards.settlement.service import Origin, Placement
from shared import idempotency, telemetry
from shared.db import Database, Session
from shared.errors import AppError, Conflict
from shared.idempotency import Key
from shared.language import Language
from shared.problems import problem_document

# From pending over cancelling to an end are two rounds. Each of two races lost to another driver costs one more.
_ROUNDS_MAX: Final = 4
# Twenty per run, eight at once: a backlog drains at some twenty a second, and a stop waits half a minute at most.
_BATCH: Final = 20
_CONCURRENT: Final = 8

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in its stored form. `body` holds JSON values."""

    status: int
    body: Any
    replayed: bool = False


PlaceUseCase = Callable[[Session], Awaitable[Placement]]


class SettlementKind(Protocol):
    """A kind of spending. Its effects run in the transaction that changes the state, hence once."""

    @property
    def table(self) -> SettledTable: ...

    @property
    def route(self) -> str:
        """The route in stored idempotency keys and in problem documents."""

    async def confirm(self, session: Session, settlement: Settlement) -> None:
        """The grams are spent: deliver. Must not refuse."""

    async def release(self, session: Session, settlement: Settlement) -> None:
        """The grams are given back: return the reservations."""

    async def view(self, session: Session, settlement: Settlement) -> BaseModel:
        """Return the citizen's view, in the language of the request."""


def _refusal(error: AppError, *, language: Language, route: str, request_id: str) -> Reply:
    return Reply(error.status, problem_document(error, language=language, instance=route, request_id=request_id))


async def _reply(session: Session, kind: SettlementKind, settlement: Settlement) -> Reply:
    """Make the reply from the state of the settlement: 201, 202 or the refusal."""
    if settlement.status is Status.CANCELLED:
        return _refusal(
            refusal_for(settlement),
            language=settlement.language,
            route=kind.route,
            request_id=settlement.request_id,
        )
    view = await kind.view(session, settlement)
    return Reply(201 if settlement.status is Status.CONFIRMED else 202, view.model_dump(mode="json"))


class SettlementEngine:
    """`kinds` by name. The name is also the purpose of the hold in accounting."""

    def __init__(self, database: Database, holds: Holds, kinds: Mapping[str, SettlementKind]) -> None:
        self._database, self._holds, self.kinds = database, holds, kinds
        self._any_due = repository.any_due(kind.table for kind in kinds.values())

    async def run(self, name: str, origin: Origin, key: Key, place: PlaceUseCase) -> Reply:
        """Handle one request: claim the key and place, drive, answer.

        A Conflict raised by `place` becomes the stored answer. Its other errors are raised.
        """
        placed = await self._place(self.kinds[name], origin, key, place)
        if isinstance(placed, Reply):
            return placed
        return await self.drive(name, placed.settlement_id) or await self._current_reply(name, placed.settlement_id)

    async def _place(self, kind: SettlementKind, origin: Origin, key: Key, place: PlaceUseCase) -> Placement | Reply:
        subject, route = str(origin.user_id), kind.route
        async with self._database.transaction() as session:
            stored = await idempotency.begin(session, schema=SCHEMA, subject=subject, route=route, key=key)
            if stored is not None:
                return Reply(stored.status, stored.body, replayed=True)
            try:
                # The savepoint undoes reservations made before a refusal; the key with its answer is kept.
                async with session.begin_nested():
                    placed = await place(session)
            except Conflict as error:
                reply = _refusal(error, language=origin.language, route=route, request_id=origin.request_id)
                await _store_reply(session, subject, route, key.value, reply)
                return reply
            if placed.repeated:
                settlement = await repository.load(session, kind.table, placed.settlement_id)
                if settlement.ended:
                    reply = await _reply(session, kind, settlement)
                    await _store_reply(session, subject, route, key.value, reply)
                    return Reply(reply.status, reply.body, replayed=True)
            return placed

    async def _current_reply(self, name: str, settlement_id: uuid.UUID) -> Reply:
        kind = self.kinds[name]
        async with self._database.transaction() as session:
            return await _reply(session, kind, await repository.load(session, kind.table, settlement_id))

    async def call_off(self, name: str, settlement_id: uuid.UUID) -> None:
        """Cancel on request of the citizen, unless the grams are spent already."""
        async with self._database.transaction() as session:
            await service.call_off(
                session, self.kinds[name].table, settlement_id=settlement_id, reason=Reason.CALLED_OFF
            )
        await self.drive(name, settlement_id)

    async def drive(self, name: str, settlement_id: uuid.UUID) -> Reply | None:
        """Drive a settlement as far as possible now. Return the final answer if this driver ended it.

        The worker continues with the rest.
        """
        kind = self.kinds[name]
        for _ in range(_ROUNDS_MAX):
            async with self._database.transaction() as session:
                settlement = await repository.load(session, kind.table, settlement_id)
            if settlement.ended:
                return None
            hold = await self._ask_accounting(name, settlement)
            step = next_step(settlement.status, hold.answer)
            if step is Step.TRY_LATER:
                await self._postpone(kind, settlement, hold.detail or hold.answer)
                return None
            if step is Step.CALL_OFF:
                async with self._database.transaction() as session:
                    await service.call_off(session, kind.table, settlement_id=settlement_id, reason=Reason(hold.detail))
                continue
            try:
                reply = await self._settle(kind, settlement, confirmed=step is Step.CONFIRM)
            except AppError as error:
                _log.exception("settlement_blocked", kind=name, id=str(settlement_id), error=error.code)
                await self._postpone(kind, settlement, error.code)
                return None
            if reply is not None:
                return reply
        return None

    async def _ask_accounting(self, name: str, settlement: Settlement) -> HoldReply:
        if settlement.status is Status.CANCELLING:
            return await self._holds.void(settlement)
        if settlement.overdue:
            return HoldReply(HoldAnswer.REFUSED, Reason.SETTLEMENT_TIMED_OUT)
        reply = await self._holds.place(settlement, purpose=name)
        if reply.answer is HoldAnswer.HELD:
            reply = await self._holds.capture(settlement)
        return reply

    async def _settle(self, kind: SettlementKind, settlement: Settlement, *, confirmed: bool) -> Reply | None:
        """End the settlement. None if another driver was first; then nothing is done."""
        async with self._database.transaction() as session:
            ended = await repository.move(
                session,
                kind.table,
                settlement.settlement_id,
                expected=settlement.status,
                to=Status.CONFIRMED if confirmed else Status.CANCELLED,
                reason_code=None if confirmed else settlement.reason_code or Reason.SETTLEMENT_TIMED_OUT,
            )
            if ended is None:
                return None
            await (kind.confirm if confirmed else kind.release)(session, ended)
            reply = await _reply(session, kind, ended)
            await _store_reply(session, str(ended.user_id), kind.route, ended.idempotency_key, reply)
            return reply

    async def _postpone(self, kind: SettlementKind, settlement: Settlement, error: str) -> None:
        async with self._database.transaction() as session:
            await repository.postpone(session, kind.table, settlement.settlement_id, error=error)

    async def drive_due(self) -> None:
        """Timed job: drive the settlements that requests left open. It checks first: nearly always there are none."""
        if not await self._database.scalar_once(self._any_due):
            return
        gate = asyncio.Semaphore(_CONCURRENT)
        for name, kind in self.kinds.items():
            async with self._database.transaction() as session:
                due = await repository.claim_due(session, kind.table, _BATCH)
            await asyncio.gather(*(self._drive_claimed(gate, name, claimed) for claimed in due))

    async def _drive_claimed(self, gate: asyncio.Semaphore, name: str, claimed: repository.Claimed) -> None:
        async with gate:
            telemetry.begin_request(claimed.request_id)
            try:
                await self.drive(name, claimed.settlement_id)
            except Exception as exc:
                _log.warning("settlement_retries", kind=name, id=str(claimed.settlement_id), error=repr(exc)[:500])

    async def report_stuck(self, session: Session) -> None:
        """Timed job: export the number of settlements that hang as a metric."""
        for name, kind in self.kinds.items():
            telemetry.SETTLEMENTS_STUCK.labels(name).set(await repository.count_stuck(session, kind.table))


async def _store_reply(session: Session, subject: str, route: str, key: str, reply: Reply) -> None:
    await idempotency.finish(
        session,
        schema=SCHEMA,
        subject=subject,
        route=route,
        key=Key(key, ""),
        status=reply.status,
        body_json=json.dumps(reply.body, ensure_ascii=False),
    )
