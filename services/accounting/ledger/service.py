"""Use cases of the ledger: balances, entries, holds. A hold moves grams aside; capture or release ends it, once."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.accounting.ledger import repository
from services.accounting.ledger.domain import (
    HoldStatus,
    PostingKind,
    kind_of,
    sub_account_id,
    system_account_id,
)
from services.accounting.ledger.errors import (
    AccountFrozen,
    AccountNotFound,
    AccountNotFrozen,
    HoldDiffers,
    HoldExpiryInvalid,
    HoldNotFound,
    HoldSettled,
    InsufficientBalance,
)
from shared.amounts import display
from shared.contracts.holds import CaptureRequest, HoldRequest, HoldState
from shared.db import Database, Session

HOLD_DAYS_MAX = 7
CHECKS, CHECK_WAIT_S = repository.CHECKS, repository.WAIT_S
_EXPIRE_PER_RUN_MAX = 200


@dataclass(frozen=True, slots=True)
class BalanceParts:
    """Milligrams CO2e."""

    available_mg: int
    pending_mg: int
    held_mg: int
    debt_mg: int
    lifetime_mg: int


async def balance(source: Session | Database, *, account_id: uuid.UUID) -> BalanceParts:
    """An account nobody has credited yet is a row of zeros, not an error."""
    row = await repository.balance(
        source,
        account_id,
        pending_id=sub_account_id(account_id, "pending"),
        debt_id=sub_account_id(account_id, "debt"),
    )
    return BalanceParts(
        available_mg=row.available_mg,
        pending_mg=row.pending_mg,
        held_mg=row.held_mg,
        debt_mg=row.debt_mg,
        lifetime_mg=row.lifetime_mg,
    )


async def entries(session: Session, *, account_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    return await repository.entries(session, account_id, before=before, limit=limit)


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
    row = await repository.hold_of(session, hold_id)
    if row is None:
        raise HoldNotFound
    return _state(row)


async def place_hold(session: Session, *, request: HoldRequest, caller: str) -> HoldState:
    """Sets grams aside. The same request again gives the same hold.

    Raises HoldDiffers (other fields under this id), HoldSettled (a void came first), InsufficientBalance,
    AccountFrozen, HoldExpiryInvalid.
    """
    now = await repository.database_now(session)
    fresh = await repository.insert_hold(
        session,
        hold_id=request.hold_id,
        account_id=request.account_id,
        amount_mg=request.amount_mg,
        purpose=request.purpose,
        status=HoldStatus.HELD,
        expires_at=request.expires_at,
    )
    if not fresh:
        return await _repeated_hold(session, request)
    if not now < request.expires_at <= now + timedelta(days=HOLD_DAYS_MAX):
        raise HoldExpiryInvalid(days=HOLD_DAYS_MAX)
    if not await repository.debit_if_enough(session, request.account_id, request.amount_mg):
        if await repository.frozen_at(session, request.account_id) is not None:
            raise AccountFrozen
        found = await repository.balances(session, [request.account_id])
        available_mg = found.get(request.account_id, (0, 0))[0]
        raise InsufficientBalance(
            available=display(available_mg),
            needed=display(request.amount_mg),
            extensions={"available_mg": available_mg, "needed_mg": request.amount_mg},
        )
    await repository.ensure_account(session, account_id=request.hold_id, kind="hold", code=f"hold:{request.hold_id}")
    await repository.credit_balance(session, request.hold_id, request.amount_mg)
    await repository.add_posting(
        session,
        kind=PostingKind.HOLD,
        debit_account_id=request.account_id,
        credit_account_id=request.hold_id,
        amount_mg=request.amount_mg,
        hold_id=request.hold_id,
        requested_by=f"{caller}:{request.purpose}",
    )
    return await hold_state(session, hold_id=request.hold_id)


async def _repeated_hold(session: Session, request: HoldRequest) -> HoldState:
    row = await repository.hold_of(session, request.hold_id)
    assert row is not None
    if row.account_id is None:
        raise HoldSettled(status=row.status)
    same: tuple[object, ...] = (row.account_id, row.amount_mg, row.purpose)
    if same != (request.account_id, request.amount_mg, request.purpose):
        raise HoldDiffers
    return _state(row)


async def capture_hold(session: Session, *, hold_id: uuid.UUID, request: CaptureRequest, caller: str) -> HoldState:
    """Spends a hold. Repeatable with the same target. Raises HoldNotFound, HoldSettled, HoldDiffers.

    A hold past its expiry is refused even when no job has expired it yet: the database's clock decides.
    """
    row = await repository.hold_of(session, hold_id, lock=True)
    if row is None:
        raise HoldNotFound
    if row.status == HoldStatus.CAPTURED:
        if row.captured_to != request.to:
            raise HoldDiffers
        return _state(row)
    if row.status != HoldStatus.HELD:
        raise HoldSettled(status=row.status)
    if row.overdue:
        raise HoldSettled(status=HoldStatus.EXPIRED)
    target_id = system_account_id(request.to)
    await repository.settle_hold(session, hold_id, HoldStatus.CAPTURED, captured_to=request.to)
    await repository.ensure_account(session, account_id=target_id, kind=kind_of(request.to), code=request.to)
    await repository.move(
        session,
        kind=PostingKind.CAPTURE,
        debit=hold_id,
        credit=target_id,
        amount_mg=row.amount_mg,
        requested_by=f"{caller}:{row.purpose}",
        hold_id=hold_id,
    )
    return await hold_state(session, hold_id=hold_id)


async def void_hold(session: Session, *, hold_id: uuid.UUID, caller: str) -> HoldState:
    """Gives a hold back. Repeatable; a void that comes before its hold is remembered, so that the late hold is refused.

    Raises HoldSettled when the hold was captured.
    """
    if await repository.insert_hold(session, hold_id=hold_id, amount_mg=0, status=HoldStatus.VOIDED):
        return await hold_state(session, hold_id=hold_id)
    row = await repository.hold_of(session, hold_id, lock=True)
    assert row is not None
    if row.status == HoldStatus.CAPTURED:
        raise HoldSettled(status=row.status)
    if row.status == HoldStatus.HELD:
        await _release(session, row, HoldStatus.VOIDED, caller)
    return await hold_state(session, hold_id=hold_id)


async def _release(session: Session, row: Any, status: HoldStatus, caller: str) -> None:
    await repository.settle_hold(session, row.hold_id, status)
    # The person before the hold's own account: the lock order of the whole ledger.
    await repository.lock_people(session, [row.account_id])
    await repository.move(
        session,
        kind=PostingKind.RELEASE,
        debit=row.hold_id,
        credit=row.account_id,
        amount_mg=row.amount_mg,
        requested_by=f"{caller}:{row.purpose}",
        hold_id=row.hold_id,
    )
    # Grams that come back repay a debt first, as new credits do: nobody has both.
    debt_id = sub_account_id(row.account_id, "debt")
    owed_mg = -(await repository.balances(session, [debt_id])).get(debt_id, (0, 0))[0]
    if owed_mg:
        await repository.move(
            session,
            kind=PostingKind.REPAYMENT,
            debit=row.account_id,
            credit=debt_id,
            amount_mg=min(owed_mg, row.amount_mg),
            requested_by="accounting:debt",
        )


async def expire_holds(session: Session) -> None:
    """Timed job: gives back what nobody captured in time."""
    due = await repository.due_holds(session, _EXPIRE_PER_RUN_MAX)
    if due:
        await repository.lock_people(session, [row.account_id for row in due])
    for row in due:
        await _release(session, row, HoldStatus.EXPIRED, "accounting")


async def freeze(session: Session, *, account_id: uuid.UUID) -> None:
    """No new hold may take from the account from now on; holds under way end as they would, credits still arrive.

    Also for an account nobody has credited yet. Raises AccountNotFound (not a person's), AccountFrozen.
    """
    await repository.lock_people(session, [account_id])
    if await repository.kind_of_account(session, account_id) != "person":
        raise AccountNotFound
    if await repository.frozen_at(session, account_id) is not None:
        raise AccountFrozen
    await repository.set_frozen(session, account_id, frozen=True)


async def require_frozen(session: Session, *, account_id: uuid.UUID) -> None:
    """Raises AccountNotFrozen."""
    if await repository.frozen_at(session, account_id) is None:
        raise AccountNotFrozen


async def unfreeze(session: Session, *, account_id: uuid.UUID) -> None:
    """Raises AccountNotFrozen."""
    await repository.lock_people(session, [account_id])
    await require_frozen(session, account_id=account_id)
    await repository.set_frozen(session, account_id, frozen=False)


def each_check(session: Session) -> AsyncIterator[tuple[str, int]]:
    """(name, figure) of `check`, one after the other and with patience: for an auditor's connection."""
    return repository.each_check(session)


async def check(session: Session) -> dict[str, int]:
    return await repository.check_everything(session)
