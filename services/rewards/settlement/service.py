"""Opening a settlement, calling one off, showing those that hang; the engine does the rest."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.rewards.settlement import repository
from services.rewards.settlement.columns import SettledTable
from services.rewards.settlement.domain import Reason, Settlement, Status
from shared.db import Session
from shared.language import Language


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that asked for something; kept with it, so that an answer made later is the same."""

    user_id: uuid.UUID
    account_id: uuid.UUID
    idempotency_key: str
    language: Language
    request_id: str


@dataclass(frozen=True, slots=True)
class Placed:
    """`repeated`: there was one already for the same key; it is answered or driven on, not made again."""

    settlement_id: uuid.UUID
    repeated: bool = False


async def open_new(
    session: Session, table: SettledTable, *, origin: Origin, amount_mg: int, capture_to: str, **own: Any
) -> bool:
    """Writes the pending row; `own` are the table's own columns, its id among them.

    False when a unique key of the table has it already.
    """
    return await repository.insert_new(
        session,
        table,
        user_id=origin.user_id,
        account_id=origin.account_id,
        idempotency_key=origin.idempotency_key,
        request_id=origin.request_id,
        language=origin.language,
        amount_mg=amount_mg,
        capture_to=capture_to,
        **own,
    )


async def call_off(session: Session, table: SettledTable, *, settlement_id: uuid.UUID, reason: Reason) -> Settlement:
    """From now on nobody tries to spend the grams any more; whether they were spent already, the void will tell.

    Nothing happens to what is not pending any longer.
    """
    moved = await repository.move(
        session, table, settlement_id, expected=Status.PENDING, to=Status.CANCELLING, reason_code=reason
    )
    return moved or await repository.load(session, table, settlement_id)


async def stuck(session: Session, table: SettledTable, *, limit: int) -> Sequence[Any]:
    """Open for longer than STUCK_AFTER, oldest first."""
    return await repository.stuck(session, table, limit)
