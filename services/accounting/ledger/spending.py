"""Use case of spends: grams held and captured in one transaction, for a set of orders or donations.

Each spend ends here, captured or voided. Both ends are final, so the caller needs no second call to make a refusal
final, and a repeat gets the same answer.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from services.accounting.ledger import chart, holds, holds_repository, repository, service, targets
from services.accounting.ledger.domain import HoldStatus
from services.accounting.ledger.errors import CaptureTargetUnknown, HoldDiffers, HoldExpiryInvalid, SpenderNotAllowed
from services.accounting.ledger.holds_repository import EndedHold
from services.accounting.ledger.service import Posting
from shared.contracts.holds import CaptureRequest, SpendRequest, Spent
from shared.db import Session, driver
from shared.errors import Conflict


class Permits(Protocol):
    """Decides who may spend grams of an account that is not their own: of a household, a card or an enterprise."""

    def require(self, request: SpendRequest) -> None:
        """Raise a Conflict unless the spender may do this. The caller holds the locks of the accounts."""

    def count(self, request: SpendRequest) -> None:
        """Count an accepted spend, so that the next one of the set sees it."""


class OwnGrams:
    """Permits nobody to spend another's grams."""

    def require(self, request: SpendRequest) -> None:
        if request.spender is not None:
            raise SpenderNotAllowed

    def count(self, request: SpendRequest) -> None:
        """Nothing limits what a person spends of their own."""


OWN_GRAMS: Final = OwnGrams()

_OWN: Final = ("person",)


async def spend(
    session: Session, *, requests: Sequence[SpendRequest], caller: str, permits: Permits = OWN_GRAMS
) -> list[Spent]:
    """Spend grams for each request that its account can pay, in their order. Return the end of each.

    People are locked by id, then holds are inserted by id, as `holds.place_hold` does. A caller with `permits` has
    locked the accounts of people and of households before.
    """
    connection = await driver(session)
    accounts = await repository.locked_accounts(connection, sorted({one.account_id for one in requests}))
    known = await holds_repository.holds_of(connection, [one.hold_id for one in requests])
    first = {one.hold_id: one for one in reversed(requests)}
    new = [one for one in requests if one.hold_id not in known and one is first[one.hold_id]]
    ended = _decide(
        new,
        accounts,
        now=await repository.database_now(connection),
        receivers=await targets.known_of(session, codes={one.to for one in new}) if new else set(),
        permits=permits,
    )
    fresh = await holds_repository.insert_ended(connection, ended) if ended else set()
    kinds = {account_id: account["kind"] for account_id, account in accounts.items()}
    captured = [row for row in ended if row.hold_id in fresh]
    await service.post(connection, _movements(captured, kinds, caller), locked=True)
    done = {row.hold_id: Spent(hold_id=row.hold_id, status=row.status.value, code=row.refusal) for row in ended}
    return [
        done[one.hold_id]
        if one.hold_id in fresh and one is first[one.hold_id]
        else await _repeated(session, one, caller)
        for one in requests
    ]


def _decide(
    requests: Sequence[SpendRequest],
    accounts: Mapping[uuid.UUID, Any],
    *,
    now: datetime,
    receivers: set[str],
    permits: Permits,
) -> list[EndedHold]:
    """Decide each request by the balance that the earlier ones have left."""
    balances = {account_id: dict(account) for account_id, account in accounts.items()}
    ended = []
    for one in requests:
        account = balances.get(one.account_id)
        try:
            if one.to not in receivers:
                raise CaptureTargetUnknown(code=one.to)
            if not now < one.expires_at <= now + timedelta(days=holds.HOLD_DAYS_MAX):
                raise HoldExpiryInvalid(days=holds.HOLD_DAYS_MAX)
            permits.require(one)
            holds.require_spendable(account, one.amount_mg, kinds=_OWN if one.spender is None else chart.SPENDABLE)
        except Conflict as refusal:
            ended.append(_refused(one.hold_id, refusal.code))
            continue
        assert account is not None
        account["balance_mg"] -= one.amount_mg
        permits.count(one)
        ended.append(
            EndedHold(
                hold_id=one.hold_id,
                account_id=one.account_id,
                amount_mg=one.amount_mg,
                purpose=one.purpose,
                status=HoldStatus.CAPTURED,
                expires_at=one.expires_at,
                captured_to=one.to,
                title_zh=one.title.zh if one.title else None,
                title_en=one.title.en if one.title else None,
                refusal=None,
            )
        )
    return ended


def _refused(hold_id: uuid.UUID, code: str) -> EndedHold:
    return EndedHold(
        hold_id=hold_id,
        account_id=None,
        amount_mg=0,
        purpose=None,
        status=HoldStatus.VOIDED,
        expires_at=None,
        captured_to=None,
        title_zh=None,
        title_en=None,
        refusal=code,
    )


def _movements(captured: Sequence[EndedHold], kinds: Mapping[uuid.UUID, str], caller: str) -> list[Posting]:
    movements = []
    for row in captured:
        if row.account_id is None or row.captured_to is None:
            continue
        requested_by, place = f"{caller}:{row.purpose}", chart.hold(row.hold_id)
        owner = chart.spendable(row.account_id, kinds[row.account_id])
        movements += [
            Posting("hold", owner, place, row.amount_mg, requested_by, hold_id=row.hold_id),
            Posting("capture", place, chart.shared(row.captured_to), row.amount_mg, requested_by, hold_id=row.hold_id),
        ]
    return movements


async def _repeated(session: Session, request: SpendRequest, caller: str) -> Spent:
    """Answer a request whose hold existed before: its end, or capture it now if it is held."""
    try:
        row = await holds_repository.hold_of(session, request.hold_id)
        assert row is not None
        if row.account_id is not None:
            holds.require_same(row, request)
        if row.status == HoldStatus.CAPTURED and row.captured_to != request.to:
            raise HoldDiffers
        if row.status != HoldStatus.HELD:
            return Spent(hold_id=request.hold_id, status=row.status, code=row.refusal)
        if row.overdue:
            voided = await holds.void_hold(session, hold_id=request.hold_id, caller=caller)
            return Spent(hold_id=request.hold_id, status=voided.status)
        state = await holds.capture_hold(
            session, hold_id=request.hold_id, request=CaptureRequest(to=request.to), caller=caller
        )
        return Spent(hold_id=request.hold_id, status=state.status)
    except Conflict as refusal:
        return Spent(hold_id=request.hold_id, status=None, code=refusal.code)
