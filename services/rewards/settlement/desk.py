"""Takes orders or donations of one kind, as many at once as came in together, and answers each.

A crowd is answered in batches: one transaction places the requests of a batch, one call spends their grams, one
transaction delivers. The hot rows, the stock of an item and its budget, are locked once per batch. A request that waits
in vain is refused before any work for it began.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from services.rewards.database import SCHEMA
from services.rewards.settlement import repository
from services.rewards.settlement.domain import Settlement, Status, Step, next_step
from services.rewards.settlement.engine import Reply, SettlementEngine, refusal, stored_answer
from services.rewards.settlement.errors import TooManyAtOnce
from services.rewards.settlement.service import Asked, Placement
from shared import idempotency
from shared.batching import Batcher, Bounds
from shared.db import DATABASE_ERRORS, Session
from shared.errors import AppError, Conflict, IdempotencyKeyInProgress
from shared.idempotency import Claim
from shared.problems import is_transient

# Two batches at once: one computes while the other waits for accounting. They use two connections of the pool. The
# queue drains within seconds on one core. Whoever waits longer than a citizen does is told to come again.
BOUNDS: Final = Bounds(batch_max=32, batches_at_once=2, waiting_max=512, wait_max_s=8.0, waiting_per_owner_max=64)
_RETRY_AFTER_S: Final = 3

_log = structlog.get_logger(__name__)

Answer = Reply | Exception


class Desk:
    """Use `ask` for every request; it returns when the request is answered or left to the worker."""

    def __init__(self, engine: SettlementEngine, name: str, *, bounds: Bounds = BOUNDS) -> None:
        self._engine, self._name, self._kind = engine, name, engine.kinds[name]
        self._batcher: Batcher[Asked, Reply] = Batcher(
            self._answer_all,
            bounds=bounds,
            owner_of=lambda asked: asked.origin.user_id,
            refusal=lambda: TooManyAtOnce(retry_after_s=_RETRY_AFTER_S),
        )

    async def ask(self, asked: Asked) -> Reply:
        """Raises TooManyAtOnce, the errors of idempotency keys, and errors of the kind that are no final refusals."""
        return await self._batcher.submit(asked)

    async def stop(self) -> None:
        await self._batcher.stop()

    async def _answer_all(self, batch: Sequence[Asked]) -> Sequence[Answer]:
        try:
            return await self._answer(batch)
        except DATABASE_ERRORS as exc:
            if len(batch) == 1 or is_transient(exc):
                raise
            # A fault of one request must not fail its neighbours. What was placed already is answered as in progress.
            _log.exception("batch_split", kind=self._name, size=len(batch))
        return [await self._answer_alone(asked) for asked in batch]

    async def _answer_alone(self, asked: Asked) -> Answer:
        try:
            return (await self._answer([asked]))[0]
        except Exception as exc:
            return exc

    async def _answer(self, batch: Sequence[Asked]) -> list[Answer]:
        placed = await self._place(batch)
        opened = [one.settlement for one in placed if isinstance(one, Placement) and not one.repeated]
        replies = await self._spend(opened) if opened else {}
        answers: list[Answer] = []
        for one in placed:
            if not isinstance(one, Placement):
                answers.append(one)
            elif one.repeated:
                answers.append(await self._drive_on(one.settlement.settlement_id))
            else:
                answers.append(replies[one.settlement.settlement_id])
        return answers

    async def _place(self, batch: Sequence[Asked]) -> list[Answer | Placement]:
        """Claim the keys and place. Requests that are answered already get their answer."""
        kind, found = self._kind, dict[int, Answer | Placement]()
        async with self._engine.database.transaction() as session:
            claims = [Claim(str(asked.origin.user_id), asked.key) for asked in batch]
            begun = await idempotency.begin_many(session, schema=SCHEMA, route=kind.route, claims=claims)
            claimed = []
            for place, stored in enumerate(begun):
                if stored is None:
                    claimed.append(place)
                elif isinstance(stored, AppError):
                    found[place] = await self._named(session, batch[place], stored)
                else:
                    found[place] = Reply(stored.status, stored.body, replayed=True)
            placed = await kind.place_many(session, [batch[place] for place in claimed]) if claimed else []
            found |= dict(zip(claimed, placed, strict=True))
            await self._end_refused(session, batch, claims, {place: found[place] for place in claimed}, found)
            for place, one in list(found.items()):
                if isinstance(one, Placement) and one.repeated and one.settlement.ended:
                    found[place] = await self._repeat(session, claims[place], one.settlement)
        return [found[place] for place in range(len(batch))]

    async def _end_refused(
        self,
        session: Session,
        batch: Sequence[Asked],
        claims: Sequence[Claim],
        claimed: Mapping[int, Answer | Placement],
        found: dict[int, Answer | Placement],
    ) -> None:
        """Store final refusals as the answers of the claimed keys. Give back the keys of requests with other errors."""
        answers, released = [], []
        for place, error in claimed.items():
            if isinstance(error, Conflict):
                origin = batch[place].origin
                path = self._kind.path(batch[place].subject)
                reply = refusal(error, language=origin.language, path=path, request_id=origin.request_id)
                answers.append(stored_answer(claims[place].subject, claims[place].key.value, reply))
                found[place] = reply
            elif isinstance(error, AppError):
                released.append(claims[place])
        await idempotency.finish_many(session, schema=SCHEMA, route=self._kind.route, answers=answers)
        await idempotency.release_many(session, schema=SCHEMA, route=self._kind.route, claims=released)

    async def _named(self, session: Session, asked: Asked, error: AppError) -> AppError:
        """Add to "in progress" the id of what is in progress, so that a client whose answer was lost can ask for it."""
        if not isinstance(error, IdempotencyKeyInProgress):
            return error
        table = self._kind.table
        found = await repository.open_of_key(session, table, asked.origin.user_id, asked.key.value)
        if found is None:
            return error
        return IdempotencyKeyInProgress(extensions={table.primary_key.columns[0].name: str(found)})

    async def _repeat(self, session: Session, claim: Claim, settlement: Settlement) -> Reply:
        """Answer again what ended long ago: its idempotency key was deleted since."""
        reply = (await self._engine.replies(session, self._name, [settlement]))[settlement.settlement_id]
        answer = stored_answer(claim.subject, claim.key.value, reply)
        await idempotency.finish_many(session, schema=SCHEMA, route=self._kind.route, answers=[answer])
        return Reply(reply.status, reply.body, replayed=True)

    async def _drive_on(self, settlement_id: uuid.UUID) -> Answer:
        """Continue the settlement of a request that died."""
        reply = await self._engine.drive(self._name, settlement_id)
        return reply or (await self._engine.current_replies(self._name, [settlement_id]))[settlement_id]

    async def _spend(self, opened: Sequence[Settlement]) -> dict[uuid.UUID, Reply]:
        """Spend the grams of new settlements and end them. The rest is answered as pending."""
        answers = list(zip(opened, await self._engine.spend(self._name, opened), strict=True))
        ended = [one for one in answers if next_step(Status.PENDING, one[1].answer) is not Step.TRY_LATER]
        later = [(one, hold) for one, hold in answers if next_step(Status.PENDING, hold.answer) is Step.TRY_LATER]
        replies: dict[uuid.UUID, Reply] = {}
        if later:
            await self._engine.postpone(self._name, [one for one, _ in later], later[0][1].detail or "no_answer")
        if ended:
            try:
                replies = await self._engine.settle(self._name, ended)
            except AppError:
                # One of them cannot be delivered. Alone, each of the others can.
                for settlement, _ in ended:
                    if reply := await self._engine.drive(self._name, settlement.settlement_id):
                        replies[settlement.settlement_id] = reply
        missing = [one.settlement_id for one in opened if one.settlement_id not in replies]
        return replies | (await self._engine.current_replies(self._name, missing) if missing else {})
