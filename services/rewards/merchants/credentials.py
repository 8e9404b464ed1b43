"""Use cases of credentials: a merchant's keys, the enrolment of tills, and who calls.

A key's secret is sealed with a key derived from the one in the settings. Tokens of tills and enrolment codes are random
and long, so their SHA-256 is enough: nobody can guess what it hides.
"""

import asyncio
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.rewards.audit.service import log
from services.rewards.merchants import repository
from services.rewards.merchants.domain import (
    ENROLMENT_LIFE,
    ISSUE_KEY,
    KEYS_MAX,
    TILLS_MAX,
    MerchantCaller,
)
from services.rewards.merchants.errors import (
    EnrolmentInvalid,
    KeyNotFound,
    KeyUnusable,
    MerchantCredentialInvalid,
    MerchantNotFound,
    MerchantSuspended,
    ShopNotFound,
    TillNotFound,
    TooManyOfThem,
)
from shared import clock
from shared.approvals import Approvals
from shared.approvals_kinds import Proposal
from shared.auth import cp1, signers
from shared.auth.tokens import Operator
from shared.db import Session
from shared.ids import new_id
from shared.sealing import Sealer

_TOKEN_HEAD: Final = "cit"
_SECRET_BYTES: Final = 32
_NONCES_KEPT: Final = timedelta(seconds=3 * cp1.WINDOW_S)
_RESEALED_PER_STEP: Final = 500


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _place(app_key: str) -> str:
    return f"merchant_key:{app_key}"


# --- keys -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewKey:
    """`secret` is shown once, and only for an HMAC key."""

    app_key: str
    secret: str | None
    proposal: Proposal


async def propose_key(
    session: Session,
    approvals: Approvals,
    *,
    sealer: Sealer,
    merchant_id: str,
    algorithm: str,
    public_key: str | None,
    operator: Operator,
    reason: str,
) -> NewKey:
    """Make a key that works once a second person has approved it.

    Raises MerchantNotFound, MerchantSuspended, TooManyOfThem, KeyUnusable.
    """
    row = await repository.get_merchant(session, merchant_id, lock=True)
    if row is None:
        raise MerchantNotFound
    if row.status != "active":
        raise MerchantSuspended
    if len([one for one in await repository.keys_of(session, merchant_id) if one.revoked_at is None]) >= KEYS_MAX:
        raise TooManyOfThem(limit=KEYS_MAX)
    secret = None
    if algorithm == cp1.HMAC_SHA256:
        if public_key is not None:
            raise KeyUnusable
        secret = f"cmsk_{secrets.token_urlsafe(_SECRET_BYTES)}"
    else:
        try:
            signers.verifier_of(algorithm, public_key or "")
        except signers.KeyUnusable as exc:
            raise KeyUnusable from exc
    app_key = f"mk-{merchant_id}-{secrets.token_hex(6)}"
    await repository.add_key(
        session,
        {
            "app_key": app_key,
            "merchant_id": merchant_id,
            "algorithm": algorithm,
            "secret_sealed": None if secret is None else sealer.seal(secret, _place(app_key)),
            "public_key": public_key,
        },
    )
    proposal = await approvals.propose(session, kind=ISSUE_KEY, subject=app_key, reason=reason, operator=operator)
    return NewKey(app_key, secret, proposal)


async def revoke_key(session: Session, *, merchant_id: str, app_key: str, operator: str, reason: str) -> None:
    """Raises KeyNotFound. Safe to repeat."""
    row = await repository.get_key(session, app_key)
    if row is None or row.merchant_id != merchant_id:
        raise KeyNotFound
    await repository.revoke_key(session, app_key)
    before = {"live": row.live_at is not None and row.revoked_at is None}
    await log.record(
        session,
        subject=operator,
        action="merchant_key.revoke",
        about=f"merchant_key:{app_key}",
        reason=reason,
        before=before,
        after={"live": False},
    )


async def list_keys(session: Session, *, merchant_id: str) -> Sequence[Any]:
    return await repository.keys_of(session, merchant_id)


async def reseal_keys(session: Session, *, sealer: Sealer, version: int) -> int:
    """Seal the next secrets with the current key. Return their number."""
    rows = await repository.sealed_keys(session, version=version, after="", limit=_RESEALED_PER_STEP)
    for row in rows:
        if (sealed := sealer.reseal(bytes(row.secret_sealed), _place(row.app_key))) is not None:
            await repository.reseal_key(session, row.app_key, sealed)
    return len(rows)


async def count_sealed_otherwise(session: Session, *, version: int) -> int:
    return await repository.count_sealed_otherwise(session, version=version)


# --- tills ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`code` is shown once, as a QR code that the till scans."""

    code: str
    shop_id: str
    expires_at: datetime


async def ask_enrolment(
    session: Session,
    *,
    shop_id: str,
    name: str,
    asked_by: str,
    merchant_id: str | None = None,
    reason: str = "",
) -> Enrolment:
    """Make a code that enrols one till of a shop. `merchant_id`: the shop must be of this merchant.

    Raises ShopNotFound, TooManyOfThem.
    """
    shop = await repository.get_shop(session, shop_id)
    if shop is None or shop.closed_at is not None or merchant_id not in {None, shop.merchant_id}:
        raise ShopNotFound
    if await repository.count_live_tills(session, shop_id) >= TILLS_MAX:
        raise TooManyOfThem(limit=TILLS_MAX)
    code = secrets.token_urlsafe(_SECRET_BYTES)
    values = {"code_hash": _hash(code), "shop_id": shop_id, "name": name, "asked_by": asked_by}
    expires_at = await repository.add_enrolment(session, values, ENROLMENT_LIFE)
    await log.record(
        session,
        subject=asked_by,
        action="till.ask_enrolment",
        about=f"shop:{shop_id}",
        reason=reason or "商家登记收银台 the merchant enrols a till",
        after={"till": name},
    )
    return Enrolment(code, shop_id, expires_at)


@dataclass(frozen=True, slots=True)
class NewTill:
    """`token` is shown once."""

    till_id: uuid.UUID
    shop_id: str
    name: str
    token: str


async def enrol(session: Session, *, code: str) -> NewTill:
    """Enrol a till with a code that works once. Raises EnrolmentInvalid, TooManyOfThem."""
    asked = await repository.take_enrolment(session, _hash(code))
    if asked is None:
        raise EnrolmentInvalid
    if await repository.count_live_tills(session, asked.shop_id) >= TILLS_MAX:
        raise TooManyOfThem(limit=TILLS_MAX)
    till_id, secret = new_id(), secrets.token_urlsafe(_SECRET_BYTES)
    values = {"till_id": till_id, "shop_id": asked.shop_id, "name": asked.name, "token_hash": _hash(secret)}
    await repository.add_till(session, values)
    await log.record(
        session,
        subject=asked.asked_by,
        action="till.enrol",
        about=f"till:{till_id}",
        reason="用登记码登记 enrolled with a code",
        after={"shop_id": asked.shop_id, "till": asked.name},
    )
    return NewTill(till_id, asked.shop_id, asked.name, f"{_TOKEN_HEAD}_{till_id.hex}_{secret}")


async def revoke_till(session: Session, *, till_id: uuid.UUID, operator: str, reason: str) -> None:
    """Raises TillNotFound. Safe to repeat."""
    row = await repository.get_till(session, till_id)
    if row is None:
        raise TillNotFound
    await repository.revoke_till(session, till_id)
    await log.record(
        session,
        subject=operator,
        action="till.revoke",
        about=f"till:{till_id}",
        reason=reason,
        before={"live": row.revoked_at is None},
        after={"live": False},
    )


async def list_tills(session: Session, *, shop_ids: Sequence[str], limit: int) -> Sequence[Any]:
    return await repository.tills_of(session, shop_ids, limit)


# --- who calls --------------------------------------------------------------------------------------------------------


async def till_of_token(session: Session, token: str) -> MerchantCaller:
    """Raises MerchantCredentialInvalid, MerchantSuspended."""
    head, _, rest = token.partition("_")
    hexadecimal, _, secret = rest.partition("_")
    try:
        till_id = uuid.UUID(hex=hexadecimal)
    except ValueError as exc:
        raise MerchantCredentialInvalid("MALFORMED") from exc
    row = await repository.get_till(session, till_id)
    if head != _TOKEN_HEAD or row is None or not hmac.compare_digest(bytes(row.token_hash), _hash(secret)):
        raise MerchantCredentialInvalid("UNKNOWN")
    if row.revoked_at is not None or row.closed_at is not None:
        raise MerchantCredentialInvalid("REVOKED")
    if row.status != "active":
        raise MerchantSuspended
    return MerchantCaller(row.merchant_id, shop_id=row.shop_id, till_id=till_id)


async def merchant_of_signature(
    session: Session, *, sealer: Sealer, authorization: str, method: str, target: str, body: bytes
) -> MerchantCaller:
    """Verify a CP1 signature and note its nonce. Raises MerchantCredentialInvalid, MerchantSuspended."""
    given = cp1.parse_authorization(authorization)
    if given is None:
        raise MerchantCredentialInvalid("MALFORMED")
    row = await repository.get_key(session, given.app_key) if "\0" not in given.app_key else None
    if row is None or row.live_at is None:
        raise MerchantCredentialInvalid("UNKNOWN")
    if row.revoked_at is not None:
        raise MerchantCredentialInvalid("REVOKED")
    if row.algorithm != given.algorithm:
        raise MerchantCredentialInvalid("ALGORITHM")
    if abs(clock.now().timestamp() - given.timestamp) > cp1.WINDOW_S:
        raise MerchantCredentialInvalid("OUT_OF_WINDOW")
    sealed = row.secret_sealed
    material = row.public_key if sealed is None else sealer.open(bytes(sealed), _place(row.app_key))
    verifier = signers.verifier_of(row.algorithm, material)
    message = cp1.string_to_sign(method=method, target=target, timestamp=given.timestamp, nonce=given.nonce, body=body)
    if verifier.is_slow:
        is_valid = await asyncio.to_thread(verifier.verify, message, given.signature)
    else:
        is_valid = verifier.verify(message, given.signature)
    if not is_valid:
        raise MerchantCredentialInvalid("SIGNATURE")
    if row.status != "active":
        raise MerchantSuspended
    if not await repository.claim_nonce(session, row.app_key, given.nonce):
        raise MerchantCredentialInvalid("REPLAYED")
    return MerchantCaller(row.merchant_id, app_key=row.app_key)


async def delete_old(session: Session) -> None:
    """Timed job: forget nonces whose timestamps are refused by now, and enrolment codes that are over."""
    await repository.delete_old(session, nonces=_NONCES_KEPT)
