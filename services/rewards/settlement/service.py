"""Use cases of settlements: open one, call it off, list those that hang. The engine does the rest."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.rewards.database import SettledTable
from services.rewards.settlement import repository
from services.rewards.settlement.domain import Reason, Settlement, Status
from shared.db import Session
from shared.idempotency import Key
from shared.language import Language


@dataclass(frozen=True, slots=True)
class Origin:
    """The request behind a settlement. It is stored with it, so that a later answer is the same.

    `spender_id`: the citizen's own account, if `account_id` is another one, a household's or a family card's.
    `agreement_id`: what the members of the household have agreed upon.
    """

    user_id: uuid.UUID
    account_id: uuid.UUID
    idempotency_key: str
    language: Language
    request_id: str
    spender_id: uuid.UUID | None = None
    agreement_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: who asks, under which key, for what. `wanted` is of the kind's own type.

    `subject`: the item or campaign.
    """

    origin: Origin
    key: Key
    subject: str
    wanted: Any


@dataclass(frozen=True, slots=True)
class Placement:
    """A new settlement, or with `repeated` the existing one of the same key, which is answered or driven on."""

    settlement: Settlement
    repeated: bool = False


async def open_many(
    session: Session, table: SettledTable, rows: Sequence[tuple[Origin, Mapping[str, Any]]]
) -> dict[uuid.UUID, Settlement]:
    """Insert pending rows. The mappings are the other columns of the table, including its id and `amount_mg`.

    Return the settlements by id, without those whose unique key exists already.
    """
    return await repository.insert_many(
        session,
        table,
        [
            {
                "user_id": origin.user_id,
                "account_id": origin.account_id,
                "idempotency_key": origin.idempotency_key,
                "request_id": origin.request_id,
                "language": origin.language,
                "spender_id": origin.spender_id,
                "agreement_id": origin.agreement_id,
                **own,
            }
            for origin, own in rows
        ],
    )


async def call_off(session: Session, table: SettledTable, *, settlement_id: uuid.UUID, reason: Reason) -> Settlement:
    """Cancel a pending settlement: no driver tries to spend its grams from now on.

    The void will show whether they are spent already. A settlement that is not pending is not changed.
    """
    moved = await repository.move(
        session, table, [settlement_id], expected=Status.PENDING, to=Status.CANCELLING, reason_code=reason
    )
    return moved[0] if moved else await repository.load(session, table, settlement_id)


async def begin_return(
    session: Session, table: SettledTable, *, settlement_id: uuid.UUID, reason: Reason = Reason.CALLED_OFF
) -> bool:
    """Begin to give a confirmed settlement back. False if it is not confirmed (any more)."""
    moved = await repository.move(
        session,
        table,
        [settlement_id],
        expected=Status.CONFIRMED,
        to=Status.RETURNING,
        reason_code=reason,
    )
    return bool(moved)


async def list_stuck(session: Session, table: SettledTable, *, limit: int) -> Sequence[Any]:
    """Return settlements that are open for longer than STUCK_AFTER, oldest first."""
    return await repository.list_stuck(session, table, limit)


async def list_between(
    session: Session, table: SettledTable, *, after: uuid.UUID, upto: uuid.UUID, limit: int
) -> list[Settlement]:
    """Return settlements with after < id <= upto, in the order of their ids."""
    return await repository.list_between(session, table, after=after, upto=upto, limit=limit)


async def get(session: Session, table: SettledTable, *, settlement_id: uuid.UUID) -> Settlement:
    return await repository.load(session, table, settlement_id)
