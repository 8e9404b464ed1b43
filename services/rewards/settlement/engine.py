"""Drives orders and donations to one of their two ends: in the request or, if that dies, in the worker.

No row is locked and no transaction is open during a call to accounting. Two drivers of one settlement do no harm:
accounting gives both the same answer, and only one of them finds the expected state.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from pydantic import BaseModel

from services.rewards.database import SCHEMA, SettledTable
from services.rewards.settlement import repository, service
from services.rewards.settlement.domain import Ended, HoldAnswer, Reason, Settlement, Status, Step, next_step
from services.rewards.settlement.errors import refusal_for
from services.rewards.settlement.holds import HoldReply, Holds
from services.rewards.settlement.service import Asked, Placement
from shared import idempotency, telemetry
from shared.db import Database, Session
from shared.errors import AppError
from shared.language import Language, Text
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


class SettlementKind(Protocol):
    """A kind of spending. Its effects run in the transaction that changes the states, hence once."""

    @property
    def table(self) -> SettledTable: ...

    @property
    def route(self) -> str:
        """The route in stored idempotency keys."""

    def path(self, subject: str) -> str:
        """Return the path of a request for an item or to a campaign, as problem documents name it."""

    async def place_many(self, session: Session, asked: Sequence[Asked]) -> list[Placement | AppError]:
        """Open settlements and reserve for them. A Conflict is a final refusal. The requests are of different people.

        A request that is refused leaves nothing behind.
        """

    async def deliver(self, session: Session, ended: Ended) -> None:
        """Give the goods of confirmed settlements, and take back those of returned ones. Must not refuse."""

    async def count(self, session: Session, ended: Ended) -> None:
        """Change the counters that everybody shares. The last step of a transaction: the rows are locked shortly."""

    async def take_back(self, session: Session, settlement_id: uuid.UUID, /) -> None:
        """Withdraw what was delivered, before its grams are given back. Raises a Conflict if it was used."""

    async def views(self, session: Session, settlements: Sequence[Settlement]) -> list[BaseModel]:
        """Return the citizens' views, each in the language of its request."""


def refusal(error: AppError, *, language: Language, path: str, request_id: str) -> Reply:
    return Reply(error.status, problem_document(error, language=language, instance=path, request_id=request_id))


class SettlementEngine:
    """`kinds` by name. The name is also the purpose of the hold in accounting. `contact`: whom a citizen can ask."""

    def __init__(self, database: Database, holds: Holds, kinds: Mapping[str, SettlementKind], *, contact: Text) -> None:
        self.database, self._holds, self.kinds, self._contact = database, holds, kinds, contact
        self._any_due = repository.any_due(kind.table for kind in kinds.values())

    async def call_off(self, name: str, settlement_id: uuid.UUID) -> None:
        """Cancel on request of the citizen, unless the grams are spent already."""
        async with self.database.transaction() as session:
            await service.call_off(
                session, self.kinds[name].table, settlement_id=settlement_id, reason=Reason.CALLED_OFF
            )
        await self.drive(name, settlement_id)

    async def give_back(self, name: str, settlement_id: uuid.UUID) -> None:
        """Give a confirmed settlement back on request of the citizen. Raises a Conflict if it was used.

        What was delivered is withdrawn first, so that nobody uses it while accounting refunds the grams.
        """
        kind: SettlementKind = self.kinds[name]  # the annotation shows the documents what a kind may refuse
        async with self.database.transaction() as session:
            if await service.begin_return(session, kind.table, settlement_id=settlement_id):
                await kind.take_back(session, settlement_id)
        await self.drive(name, settlement_id)

    async def drive(self, name: str, settlement_id: uuid.UUID) -> Reply | None:
        """Drive a settlement as far as possible now. Return the final answer if this driver ended it.

        The worker continues with the rest.
        """
        kind = self.kinds[name]
        for _ in range(_ROUNDS_MAX):
            async with self.database.transaction() as session:
                settlement = await repository.load(session, kind.table, settlement_id)
            if settlement.ended:
                return None
            hold = await self._ask_accounting(name, settlement)
            step = next_step(settlement.status, hold.answer)
            if step is Step.TRY_LATER:
                await self.postpone(name, [settlement], hold.detail or hold.answer)
                return None
            if step is Step.CALL_OFF:
                async with self.database.transaction() as session:
                    await service.call_off(session, kind.table, settlement_id=settlement_id, reason=Reason(hold.detail))
                continue
            try:
                replies = await self.settle(name, [(settlement, hold)])
            except AppError as error:
                _log.exception("settlement_blocked", kind=name, id=str(settlement_id), error=error.code)
                await self.postpone(name, [settlement], error.code)
                return None
            if settlement_id in replies:
                return replies[settlement_id]
        return None

    async def _ask_accounting(self, name: str, settlement: Settlement) -> HoldReply:
        if settlement.status is Status.RETURNING:
            return await self._holds.refund(settlement)
        if settlement.status is Status.CANCELLING:
            return await self._holds.void(settlement)
        if settlement.overdue:
            return HoldReply(HoldAnswer.REFUSED, Reason.SETTLEMENT_TIMED_OUT)
        return (await self.spend(name, [settlement]))[0]

    async def spend(self, name: str, settlements: Sequence[Settlement]) -> list[HoldReply]:
        """Ask accounting to spend the grams of pending settlements, in one call."""
        return await self._holds.spend(settlements, purpose=name)

    async def settle(self, name: str, answered: Sequence[tuple[Settlement, HoldReply]]) -> dict[uuid.UUID, Reply]:
        """End settlements by accounting's answers, in one transaction. Return the final answers by id.

        Locks: settlements, codes, keys, then the counters that everybody shares.

        A settlement that another driver ended first is left out, and nothing is done for it. Raises an AppError of
        the kind that blocks the delivery; then none has ended.
        """
        kind = self.kinds[name]
        async with self.database.transaction() as session:
            ended = await self._end(session, kind, _by_end(answered))
            await kind.deliver(session, ended)
            replies = await self.replies(session, name, ended.all)
            # The answer to the request that ordered stays "confirmed" when the order is given back later.
            await self._store(session, kind, ended.confirmed + ended.released, replies)
            await kind.count(session, ended)
        return replies

    async def _end(self, session: Session, kind: SettlementKind, groups: "dict[_End, list[uuid.UUID]]") -> Ended:
        """Move settlements to their ends. Those that another driver has moved are left out."""
        found: dict[str, list[Settlement]] = {"confirmed": [], "released": [], "returned": []}
        for (before, end, reason), ids in groups.items():
            moved = await repository.move(session, kind.table, ids, expected=before, to=end, reason_code=reason)
            if end is Status.CONFIRMED:
                found["confirmed"] += moved
            else:
                found["returned" if before is Status.RETURNING else "released"] += moved
        return Ended(**{name: tuple(settlements) for name, settlements in found.items()})

    async def _store(
        self, session: Session, kind: SettlementKind, ended: Sequence[Settlement], replies: Mapping[uuid.UUID, Reply]
    ) -> None:
        answers = [stored_answer(str(one.user_id), one.idempotency_key, replies[one.settlement_id]) for one in ended]
        await idempotency.finish_many(session, schema=SCHEMA, route=kind.route, answers=answers)

    async def replies(self, session: Session, name: str, settlements: Sequence[Settlement]) -> dict[uuid.UUID, Reply]:
        """Make replies from the states of settlements: 201, 202 or the refusal."""
        kind = self.kinds[name]
        found: dict[uuid.UUID, Reply] = {}
        shown = []
        for one in settlements:
            if one.status is Status.CANCELLED:
                error = refusal_for(one, contact=self._contact)
                found[one.settlement_id] = refusal(
                    error, language=one.language, path=kind.path(one.subject), request_id=one.request_id
                )
            else:
                shown.append(one)
        for one, view in zip(shown, await kind.views(session, shown) if shown else (), strict=True):
            status = 201 if one.status is Status.CONFIRMED else 202
            found[one.settlement_id] = Reply(status, view.model_dump(mode="json"))
        return found

    async def current_replies(self, name: str, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Reply]:
        async with self.database.transaction() as session:
            found = await repository.load_many(session, self.kinds[name].table, ids)
            return await self.replies(session, name, list(found.values()))

    async def postpone(self, name: str, settlements: Sequence[Settlement], error: str) -> None:
        """Leave settlements to the worker."""
        ids = [one.settlement_id for one in settlements]
        async with self.database.transaction() as session:
            await repository.postpone(session, self.kinds[name].table, ids, error=error)

    async def drive_due(self) -> None:
        """Timed job: drive the settlements that requests left open. It checks first: nearly always there are none."""
        if not await self.database.scalar_once(self._any_due):
            return
        gate = asyncio.Semaphore(_CONCURRENT)
        for name, kind in self.kinds.items():
            async with self.database.transaction() as session:
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


def stored_answer(subject: str, key: str, reply: Reply) -> idempotency.Answer:
    return idempotency.Answer(subject, key, reply.status, json.dumps(reply.body, ensure_ascii=False))


_End = tuple[Status, Status, str | None]


def _by_end(answered: Sequence[tuple[Settlement, HoldReply]]) -> dict[_End, list[uuid.UUID]]:
    """Group settlements by (state before, end, reason)."""
    groups: dict[_End, list[uuid.UUID]] = {}
    for settlement, hold in answered:
        confirmed = next_step(settlement.status, hold.answer) is Step.CONFIRM
        reason = None if confirmed else settlement.reason_code or hold.detail or Reason.SETTLEMENT_TIMED_OUT
        end = Status.CONFIRMED if confirmed else Status.CANCELLED
        groups.setdefault((settlement.status, end, reason), []).append(settlement.settlement_id)
    return {group: sorted(ids) for group, ids in groups.items()}
