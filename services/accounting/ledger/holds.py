"""Use cases of holds: grams set aside for an order or a donation. A hold ends once, by capture or release."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.accounting.ledger import chart, holds_repository, repository, service, targets
from services.accounting.ledger.domain import HoldStatus
from services.accounting.ledger.errors import (
    AccountFrozen,
    HoldDiffers,
    HoldExpiryInvalid,
    HoldNotCaptured,
    HoldNotFound,
    HoldSettled,
    InsufficientBalance,
)
from services.accounting.ledger.service import Posting
from shared.amounts import grams
from shared.contracts.holds import CaptureRequest, HoldPage, HoldRequest, HoldState, PostedHold
from shared.db import Connection, Session, driver
from shared.language import Text

HOLD_DAYS_MAX = 7
_EXPIRE_PER_RUN_MAX = 200


def _state(row: Any) -> HoldState:
    return HoldState(
        hold_id=row.hold_id,
        account_id=row.account_id,
        amount_mg=row.amount_mg,
        purpose=row.purpose,
        status=row.status,
        expires_at=row.expires_at,
        captured_to=row.captured_to,
    )


async def hold_state(session: Session, *, hold_id: uuid.UUID) -> HoldState:
    """Return the state of a hold. Raises HoldNotFound."""
    row = await holds_repository.hold_of(session, hold_id)
    if row is None:
        raise HoldNotFound
    return _state(row)


async def place_hold(session: Session, *, request: HoldRequest, caller: str) -> HoldState:
    """Set grams aside. A repeated request returns the same hold.

    Raises HoldDiffers (another hold has this id), HoldSettled (a void came first), InsufficientBalance,
    AccountFrozen, HoldExpiryInvalid.
    """
    connection = await driver(session)
    now = await repository.database_now(connection)
    # The person first, then the hold, as a spend does: two requests with one id must not wait for each other.
    account = await repository.locked_account(connection, request.account_id)
    fresh = await holds_repository.insert_hold(
        session,
        hold_id=request.hold_id,
        account_id=request.account_id,
        amount_mg=request.amount_mg,
        purpose=request.purpose,
        status=HoldStatus.HELD,
        expires_at=request.expires_at,
        title_zh=request.title.zh if request.title else None,
        title_en=request.title.en if request.title else None,
    )
    if not fresh:
        return await _repeated_hold(session, request)
    if not now < request.expires_at <= now + timedelta(days=HOLD_DAYS_MAX):
        raise HoldExpiryInvalid(days=HOLD_DAYS_MAX)
    require_spendable(account, request.amount_mg)
    movement = Posting(
        "hold",
        chart.person(request.account_id),
        chart.hold(request.hold_id),
        request.amount_mg,
        f"{caller}:{request.purpose}",
        hold_id=request.hold_id,
    )
    await service.post(connection, [movement], locked=True)
    return await hold_state(session, hold_id=request.hold_id)


def require_spendable(account: Any | None, needed_mg: int, *, kinds: Collection[str] = ("person",)) -> None:
    """Raise AccountFrozen or InsufficientBalance. Only accounts of these kinds have grams to spend."""
    available_mg = 0 if account is None or account["kind"] not in kinds else account["balance_mg"]
    if account is not None and account["frozen_at"] is not None:
        raise AccountFrozen
    if available_mg < needed_mg:
        raise InsufficientBalance(
            available=grams(available_mg),
            needed=grams(needed_mg),
            extensions={"available_mg": available_mg, "needed_mg": needed_mg},
        )


async def _repeated_hold(session: Session, request: HoldRequest) -> HoldState:
    row = await holds_repository.hold_of(session, request.hold_id)
    assert row is not None
    if row.account_id is None:
        raise HoldSettled
    require_same(row, request)
    return _state(row)


def require_same(row: Any, request: HoldRequest) -> None:
    """Raise HoldDiffers if a repeated request has other fields than its hold.

    The line of a statement never changes. A title that is missing on one side is no difference: an earlier version of
    the caller sent none.
    """
    same: tuple[object, ...] = (row.account_id, row.amount_mg, row.purpose)
    if same != (request.account_id, request.amount_mg, request.purpose):
        raise HoldDiffers
    title = request.title
    if title is not None and row.title_zh is not None and (row.title_zh, row.title_en) != (title.zh, title.en):
        raise HoldDiffers


async def capture_hold(session: Session, *, hold_id: uuid.UUID, request: CaptureRequest, caller: str) -> HoldState:
    """Spend a hold. Repeatable with the same target.

    Raises HoldNotFound, HoldSettled, HoldDiffers, CaptureTargetUnknown.

    An overdue hold is refused even if no job has expired it yet. The clock of the database decides.
    """
    connection = await driver(session)
    row = await holds_repository.hold_of(session, hold_id, lock=True)
    if row is None:
        raise HoldNotFound
    if row.status == HoldStatus.CAPTURED:
        if row.captured_to != request.to:
            raise HoldDiffers
        return _state(row)
    if row.status != HoldStatus.HELD:
        raise HoldSettled
    if row.overdue:
        raise HoldSettled
    await targets.require_known(session, code=request.to)
    await holds_repository.settle_hold(session, hold_id, HoldStatus.CAPTURED, captured_to=request.to)
    movement = Posting(
        "capture",
        chart.hold(hold_id),
        chart.shared(request.to),
        row.amount_mg,
        f"{caller}:{row.purpose}",
        hold_id=hold_id,
    )
    await service.post(connection, [movement])
    return await hold_state(session, hold_id=hold_id)


async def void_hold(session: Session, *, hold_id: uuid.UUID, caller: str) -> HoldState:
    """Give a hold back. Repeatable. Raises HoldSettled if the hold was captured, also if it was refunded since.

    A void that arrives before its hold is stored, so that the late hold is refused.
    """
    connection = await driver(session)
    if await holds_repository.insert_hold(session, hold_id=hold_id, amount_mg=0, status=HoldStatus.VOIDED):
        return await hold_state(session, hold_id=hold_id)
    row = await holds_repository.hold_of(session, hold_id, lock=True)
    assert row is not None
    if row.status in {HoldStatus.CAPTURED, HoldStatus.REFUNDED}:
        raise HoldSettled
    if row.status == HoldStatus.HELD:
        await _release(session, connection, [row], HoldStatus.VOIDED, caller)
    return await hold_state(session, hold_id=hold_id)


async def _release(
    session: Session, connection: Connection, rows: Sequence[Any], status: HoldStatus, caller: str
) -> None:
    """Give held grams back to their owners. The rows are locked."""
    owners = await _owners_of(connection, rows)
    for row in rows:
        await holds_repository.settle_hold(session, row.hold_id, status)
    movements = [
        Posting(
            "release",
            chart.hold(row.hold_id),
            owners[row.account_id],
            row.amount_mg,
            f"{caller}:{row.purpose}",
            hold_id=row.hold_id,
        )
        for row in rows
    ]
    await service.post(connection, movements)


async def _owners_of(connection: Connection, rows: Sequence[Any]) -> dict[uuid.UUID, chart.Account]:
    """Return whose grams these holds have, a person or a household each."""
    kinds = await repository.kinds_of(connection, [row.account_id for row in rows])
    return {account_id: chart.spendable(account_id, kind) for account_id, kind in kinds.items()}


async def refund_hold(session: Session, *, hold_id: uuid.UUID, caller: str) -> HoldState:
    """Give captured grams back to their owner, on the spender's own request to the caller. Repeatable.

    Raises HoldNotFound, HoldNotCaptured. Grams of a donation stay: the chart refuses their way back.
    """
    connection = await driver(session)
    row = await holds_repository.hold_of(session, hold_id, lock=True)
    if row is None:
        raise HoldNotFound
    if row.status == HoldStatus.REFUNDED:
        return _state(row)
    if row.status != HoldStatus.CAPTURED or chart.shared(row.captured_to).kind != "redeemed":
        raise HoldNotCaptured
    owner = (await _owners_of(connection, [row]))[row.account_id]
    await holds_repository.refund_hold(session, hold_id)
    requested_by, hold_account = f"{caller}:{row.purpose}", chart.hold(hold_id)
    movements = [
        Posting("refund", chart.shared(row.captured_to), hold_account, row.amount_mg, requested_by, hold_id=hold_id),
        Posting("release", hold_account, owner, row.amount_mg, requested_by, hold_id=hold_id),
    ]
    await service.post(connection, movements)
    return await hold_state(session, hold_id=hold_id)


async def expire_holds(session: Session) -> None:
    """Give back the grams of holds that were not captured in time. Timed job."""
    connection = await driver(session)
    due = await holds_repository.due_holds(session, _EXPIRE_PER_RUN_MAX)
    if due:
        await _release(session, connection, due, HoldStatus.EXPIRED, "accounting")


@dataclass(frozen=True, slots=True)
class HoldEnd:
    """The state of a hold, and what its grams were for."""

    status: str
    title: Text | None

    @property
    def is_spent(self) -> bool:
        return self.status in {HoldStatus.HELD, HoldStatus.CAPTURED}


async def ends_of(session: Session, *, hold_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, HoldEnd]:
    """Return the states of the holds that exist."""
    rows = await holds_repository.holds_of(await driver(session), hold_ids) if hold_ids else {}
    return {
        hold_id: HoldEnd(row["status"], None if row["title_zh"] is None else Text(row["title_zh"], row["title_en"]))
        for hold_id, row in rows.items()
    }


async def list_holds(session: Session, *, after: uuid.UUID, limit: int) -> HoldPage:
    """Return holds of every state with the postings that ended them, in the order of their ids."""
    rows = await holds_repository.posted_holds(await driver(session), after, limit + 1)
    return HoldPage(items=[PostedHold(**row) for row in rows[:limit]], has_more=len(rows) > limit)
