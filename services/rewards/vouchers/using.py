"""Use cases of vouchers in the hands of their owners and at tills: show, find, use, undo, expire, remind."""

import hmac
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from services.rewards.audit.service import log
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import ItemTexts
from services.rewards.database import SCHEMA
from services.rewards.vouchers import qr, repository, use_repository
from services.rewards.vouchers.domain import REMIND_BEFORE, Validity, VoucherStatus, outlasts
from services.rewards.vouchers.errors import SaleOutlastsValidity, VoucherNotFound
from services.rewards.vouchers.sealing import CodeSealer
from shared import clock, outbox
from shared.contracts.envelope import event_headers
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import EVENT_SOURCE, VOUCHERS_EXPIRING_TYPE, VouchersExpiring
from shared.db import Session
from shared.eventlog import Record
from shared.ids import new_id

_PER_RUN: Final = 500
_EPOCH_S_MAX: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class LiveCode:
    """What changes every 30 seconds: the QR code and the digits beside the printed code."""

    qr: str
    pin: str
    changes_at: datetime


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher as its owner sees it. `live` is None once it has ended, `code` in lists."""

    voucher_id: uuid.UUID
    order_id: uuid.UUID
    order_line: int
    item_id: str
    texts: ItemTexts
    status: VoucherStatus
    assigned_at: datetime
    validity: Validity
    used_at: datetime | None = None
    used_shop_id: str | None = None
    returned_at: datetime | None = None
    code: str | None = None
    imported: bool = False
    live: LiveCode | None = None


async def list_own_vouchers(
    session: Session,
    *,
    user_id: uuid.UUID,
    status: VoucherStatus | None,
    before: tuple[uuid.UUID, int] | None,
    limit: int,
) -> list[Voucher]:
    """Return vouchers of the user, the newest order first, also those used, expired and given back."""
    rows = await use_repository.owned_page(session, user_id=user_id, status=status, before=before, limit=limit)
    texts = await catalogue.texts_of(session, item_ids=[row.item_id for row in rows])
    return [
        Voucher(
            voucher_id=row.voucher_id,
            order_id=row.order_id,
            order_line=row.order_line,
            item_id=row.item_id,
            texts=texts[row.item_id],
            status=VoucherStatus(row.status),
            assigned_at=row.assigned_at,
            validity=Validity(row.valid_from, row.valid_until),
            used_at=row.used_at,
            used_shop_id=row.used_shop_id,
            returned_at=row.returned_at,
        )
        for row in rows
    ]


async def get_own_voucher(
    session: Session, *, sealer: CodeSealer, voucher_id: uuid.UUID, user_id: uuid.UUID
) -> Voucher:
    """Return a voucher of the user with its code, and note that the code was seen.

    Raises VoucherNotFound, also for a voucher of another person and for one of a returned order.
    """
    row = await repository.owned(session, voucher_id=voucher_id, user_id=user_id)
    if row is None:
        raise VoucherNotFound
    sealed = row.secret_sealed
    if row.opened_at is None or sealed is None:
        fresh = sealer.new_secret(voucher_id=voucher_id)
        sealed = await repository.note_opened(session, voucher_id, secret_sealed=fresh)
        if sealed is None:
            raise VoucherNotFound
    status = status_of(row)
    texts = await catalogue.texts_of(session, item_ids=[row.item_id])
    is_unused = status is VoucherStatus.UNUSED
    return Voucher(
        voucher_id=row.voucher_id,
        order_id=row.order_id,
        order_line=row.order_line,
        item_id=row.item_id,
        texts=texts[row.item_id],
        status=status,
        assigned_at=row.assigned_at,
        validity=Validity(row.valid_from, row.valid_until),
        used_at=row.used_at,
        used_shop_id=row.used_shop_id,
        code=sealer.open(row.code_sealed, voucher_id=row.voucher_id),
        imported=row.imported,
        live=_live_code(sealer, row, sealed) if is_unused else None,
    )


def _live_code(sealer: CodeSealer, row: Any, sealed: bytes) -> LiveCode:
    secret = sealer.open_secret(sealed, voucher_id=row.voucher_id)
    step = qr.step_at(int(clock.now().timestamp()))
    ends_at = row.valid_until
    shown = qr.shown_text(
        voucher_id=row.voucher_id,
        step=step,
        tag=qr.tag_of(secret, step),
        valid_until_s=min(int(ends_at.timestamp()), _EPOCH_S_MAX) if ends_at is not None else 0,
        item_id=row.item_id,
    )
    changes_at = datetime.fromtimestamp((step + 1) * qr.STEP_S, clock.now().tzinfo)
    return LiveCode(qr.with_signature(shown, *sealer.sign(shown.encode())), qr.pin_of(secret, step), changes_at)


def status_of(row: Any) -> VoucherStatus:
    """Return the state of an assigned voucher. It is over at its end, also before the job has noted that."""
    if row.withdrawn:
        return VoucherStatus.GIVEN_BACK
    if row.used_at is not None:
        return VoucherStatus.USED
    ended = row.valid_until is not None and row.valid_until <= clock.now()
    return VoucherStatus.EXPIRED if ended or row.expired_at is not None else VoucherStatus.UNUSED


@dataclass(frozen=True, slots=True)
class Presented:
    """A voucher whose code a till has read, with its state of this moment. The code was right."""

    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    status: VoucherStatus
    validity: Validity
    used_at: datetime | None
    used_shop_id: str | None
    use_id: uuid.UUID | None
    is_fresh: bool


def _presented(row: Any, *, is_fresh: bool) -> Presented:
    return Presented(
        row.voucher_id,
        row.order_id,
        row.item_id,
        status_of(row),
        Validity(row.valid_from, row.valid_until),
        row.used_at,
        row.used_shop_id,
        row.use_id,
        is_fresh,
    )


async def find_by_qr(session: Session, *, sealer: CodeSealer, text: str) -> Presented:
    """Return the voucher of a QR code.

    `is_fresh` is false for a code of another time. Raises VoucherNotFound for a code that we never showed, and for one
    of a voucher that was given back and has another owner.
    """
    shown = qr.read_qr(text)
    row = None if shown is None else await use_repository.by_id(session, shown.voucher_id)
    if shown is None or row is None or row.order_id is None or row.secret_sealed is None:
        raise VoucherNotFound
    secret = sealer.open_secret(row.secret_sealed, voucher_id=row.voucher_id)
    if not hmac.compare_digest(qr.tag_of(secret, shown.step), shown.tag):
        raise VoucherNotFound
    second = int(clock.now().timestamp())
    return _presented(row, is_fresh=qr.is_fresh(shown.step, at_second=second))


@dataclass(frozen=True, slots=True)
class SignedCode:
    """A QR code that this service has signed."""

    voucher_id: uuid.UUID
    step: int
    tag: bytes


def read_signed(sealer: CodeSealer, text: str) -> SignedCode | None:
    """Return what a QR code says if its signature is ours."""
    shown = qr.read_qr(text)
    if shown is None or not sealer.is_signed(shown.signed, shown.key_version, shown.signature):
        return None
    return SignedCode(shown.voucher_id, shown.step, shown.tag)


async def find_signed(session: Session, *, sealer: CodeSealer, code: SignedCode) -> Presented | None:
    """Return the voucher of a signed code, also one that its owner has given back since. None for an unknown one."""
    row = await use_repository.by_id(session, code.voucher_id)
    if row is not None and row.secret_sealed is not None:
        secret = sealer.open_secret(row.secret_sealed, voucher_id=row.voucher_id)
        if hmac.compare_digest(qr.tag_of(secret, code.step), code.tag):
            return _presented(row, is_fresh=True)
    shown_at = datetime.fromtimestamp(code.step * qr.STEP_S, UTC)
    given_back = await use_repository.returned(session, code.voucher_id, shown_at=shown_at)
    if given_back is None:
        return None
    return Presented(
        given_back.voucher_id,
        given_back.order_id,
        given_back.item_id,
        VoucherStatus.GIVEN_BACK,
        Validity(),
        used_at=None,
        used_shop_id=None,
        use_id=None,
        is_fresh=True,
    )


async def lock_many(session: Session, *, voucher_ids: Collection[uuid.UUID]) -> None:
    """Lock vouchers until the transaction ends, by id."""
    await use_repository.lock_many(session, voucher_ids)


async def find_by_code(session: Session, *, sealer: CodeSealer, code: str, pin: str) -> Presented:
    """Return the voucher of a typed code and its digits of this half minute. Raises VoucherNotFound."""
    hashes = [sealer.fingerprint(code), *sealer.former_fingerprints(code)]
    found = None
    second = int(clock.now().timestamp())
    for row in await use_repository.by_codes(session, hashes):
        if row.secret_sealed is None:
            continue
        secret = sealer.open_secret(row.secret_sealed, voucher_id=row.voucher_id)
        for step in range(qr.step_at(second) - qr.STEPS_ACCEPTED + 1, qr.step_at(second) + 1):
            if hmac.compare_digest(qr.pin_of(secret, step), pin):
                found = row
    if found is None:
        raise VoucherNotFound
    return _presented(found, is_fresh=True)


async def use(
    session: Session, *, voucher_id: uuid.UUID, use_id: uuid.UUID, shop_id: str, at: datetime | None = None
) -> datetime | None:
    """Use a voucher once. Return the time, None if it has ended in the meantime or is not valid.

    `at`: when a till without a line accepted it. Then it may have expired since.
    """
    if at is None:
        return await use_repository.use(session, voucher_id, use_id=use_id, shop_id=shop_id)
    return at if await use_repository.use_late(session, voucher_id, use_id=use_id, shop_id=shop_id, at=at) else None


async def lock(session: Session, *, voucher_id: uuid.UUID) -> Presented:
    """Lock a voucher until the transaction ends, before its redemption. Raises VoucherNotFound."""
    row = await use_repository.by_id(session, voucher_id, lock=True)
    if row is None or row.order_id is None:
        raise VoucherNotFound
    return _presented(row, is_fresh=True)


async def undo_use(session: Session, *, voucher_id: uuid.UUID, use_id: uuid.UUID) -> bool:
    """Make a voucher unused again. False if its order was refunded meanwhile."""
    return await use_repository.undo(session, voucher_id, use_id=use_id)


async def expire_due(session: Session) -> None:
    """Timed job: end the vouchers whose time is over. Grams and fen stay spent, see the published rule."""
    await use_repository.expire(session, _PER_RUN)


async def remind_due(session: Session, *, topic: str) -> None:
    """Timed job: publish once for each order that vouchers of it end soon."""
    orders: dict[uuid.UUID, list[Any]] = {}
    for row in await use_repository.remind(session, within=REMIND_BEFORE, limit=_PER_RUN):
        orders.setdefault(row.order_id, []).append(row)
    texts = await catalogue.texts_of(session, item_ids=[rows[0].item_id for rows in orders.values()])
    records = [_expiring(rows, texts[rows[0].item_id]) for _, rows in sorted(orders.items())]
    await outbox.add(session, SCHEMA, topic, records)


def _expiring(rows: Sequence[Any], texts: ItemTexts) -> Record:
    row = rows[0]
    event = VouchersExpiring(
        event_id=new_id(),
        order_id=row.order_id,
        account_id=person_account_id(row.user_id),
        item_id=row.item_id,
        title=texts.title.zh,
        quantity=len(rows),
        valid_until=row.valid_until,
    )
    headers = event_headers(str(event.event_id), source=EVENT_SOURCE, event_type=VOUCHERS_EXPIRING_TYPE, at=clock.now())
    return Record(key=str(event.account_id).encode(), value=msgspec.json.encode(event), headers=headers)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long vouchers of an item are valid. `valid_days`: whole days after the day of the order."""

    validity: Validity
    valid_days: int | None


async def get_terms(session: Session, *, item_id: str) -> Terms:
    """Return the terms of an item, also of a draft, without bounds if none were set. Raises ItemNotFound."""
    await catalogue.get_any_item(session, item_id=item_id)
    row = await use_repository.terms_of(session, item_id)
    return Terms(Validity(), None) if row is None else Terms(Validity(row.valid_from, row.valid_until), row.valid_days)


async def set_terms(session: Session, *, item_id: str, terms: Terms, operator: str, reason: str) -> None:
    """Set the terms of future vouchers. Existing ones keep theirs. Raises ItemNotFound, SaleOutlastsValidity."""
    row = await catalogue.lock_item(session, item_id=item_id)  # its sale window stays meanwhile
    before = await get_terms(session, item_id=item_id)
    if outlasts(row.sale_ends_at, terms.validity.ends_at):
        raise SaleOutlastsValidity
    values = {
        "valid_from": terms.validity.starts_at,
        "valid_until": terms.validity.ends_at,
        "valid_days": terms.valid_days,
    }
    await use_repository.set_terms(session, item_id, values)
    await log.record(
        session,
        subject=operator,
        action="voucher_terms.set",
        about=f"item:{item_id}",
        reason=reason,
        before=_as_json(before),
        after=_as_json(terms),
    )


async def require_valid_after_sale(session: Session, *, item_id: str, sale_ends_at: datetime | None) -> None:
    """Raises SaleOutlastsValidity. The caller holds the lock of the item."""
    row = await use_repository.terms_of(session, item_id)
    if row is not None and outlasts(sale_ends_at, row.valid_until):
        raise SaleOutlastsValidity


def _as_json(terms: Terms) -> dict[str, Any]:
    times = {"valid_from": terms.validity.starts_at, "valid_until": terms.validity.ends_at}
    return {
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
        "valid_days": terms.valid_days,
    }
