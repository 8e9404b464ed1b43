"""Use cases of banks. Registration, terms and keys take two persons; what protects takes one.

A bank signs as partners do (CP1). We hold public keys only, so no operator can sign a quote for a bank.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.rewards.approvals.domain import MallProposal
from services.rewards.audit.service import log
from services.rewards.banks import repository
from services.rewards.banks.domain import BANKS_MAX, KEYS_MAX, NONCES_KEPT
from services.rewards.banks.errors import (
    BankActive,
    BankExists,
    BankKeyExists,
    BankKeyNotFound,
    BankKeyUnusable,
    BankNotFound,
    BankSignatureInvalid,
    BankSuspended,
    TooManyBankKeys,
    TooManyBanks,
)
from services.rewards.budgets import service as budgets
from shared import clock
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal
from shared.auth import cp1, signers
from shared.auth.tokens import Operator
from shared.db import Session
from shared.language import Text

SCOPE: Final = "ops:rewards"
REGISTER: Final = MallProposal.REGISTER_BANK
CHANGE: Final = MallProposal.CHANGE_BANK
ADD_KEY: Final = MallProposal.ADD_BANK_KEY
RESUME: Final = MallProposal.RESUME_BANK
_KEY_FIELDS: Final = ("app_key", "algorithm", "public_key")


@dataclass(frozen=True, slots=True)
class BankKey:
    app_key: str
    algorithm: str
    live_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bank:
    bank_id: str
    name: Text
    budget_id: str
    fen_per_kg: int
    month_fen: int
    answer_hours: int
    registered_at: datetime
    suspended_at: datetime | None
    keys: tuple[BankKey, ...] = ()


def _bank(row: Any, keys: Collection[Any] = ()) -> Bank:
    return Bank(
        bank_id=row.bank_id,
        name=Text(row.name_zh, row.name_en),
        budget_id=row.budget_id,
        fen_per_kg=row.fen_per_kg,
        month_fen=row.month_fen,
        answer_hours=row.answer_hours,
        registered_at=row.registered_at,
        suspended_at=row.suspended_at,
        keys=tuple(
            BankKey(key.app_key, key.algorithm, key.live_at, key.revoked_at)
            for key in keys
            if key.bank_id == row.bank_id
        ),
    )


async def get_bank(session: Session, *, bank_id: str) -> Bank:
    """Raises BankNotFound."""
    row = await repository.find(session, bank_id)
    if row is None:
        raise BankNotFound
    return _bank(row, await repository.keys_of(session, [bank_id]))


async def get_banks(session: Session, *, bank_ids: Collection[str]) -> dict[str, Bank]:
    """Return the banks that exist, by id."""
    return {row.bank_id: _bank(row) for row in await repository.by_ids(session, bank_ids)}


async def list_banks(session: Session, *, with_suspended: bool = False) -> list[Bank]:
    """Return banks by id, at most BANKS_MAX."""
    rows = [row for row in await repository.listed(session, BANKS_MAX) if with_suspended or row.suspended_at is None]
    keys = await repository.keys_of(session, [row.bank_id for row in rows]) if with_suspended else ()
    return [_bank(row, keys) for row in rows]


# --- what protects ----------------------------------------------------------------------------------------------------


async def suspend(session: Session, *, bank_id: str, reason: str, operator: str) -> Bank:
    """Take no quotes and no new offsets of a bank. Safe to repeat. Raises BankNotFound."""
    row = await repository.find(session, bank_id, lock=True)
    if row is None:
        raise BankNotFound
    if row.suspended_at is None:
        await repository.set_suspended(session, bank_id, suspended=True)
        await log.record(
            session,
            subject=operator,
            action="bank.suspend",
            about=bank_id,
            reason=reason,
            before={"suspended": False},
            after={"suspended": True},
        )
    return await get_bank(session, bank_id=bank_id)


async def revoke_key(session: Session, *, bank_id: str, app_key: str, reason: str, operator: str) -> Bank:
    """Safe to repeat. Raises BankKeyNotFound."""
    row = await repository.find_key(session, app_key)
    if row is None or row.bank_id != bank_id:
        raise BankKeyNotFound
    if row.revoked_at is None:
        await repository.revoke_key(session, app_key)
        await log.record(
            session,
            subject=operator,
            action="bank_key.revoke",
            about=app_key,
            reason=reason,
            before={"live": True},
            after={"live": False},
        )
    return await get_bank(session, bank_id=bank_id)


# --- two persons ------------------------------------------------------------------------------------------------------


def require_usable_key(algorithm: str, public_key: str) -> None:
    """Raises BankKeyUnusable."""
    try:
        signers.verifier_of(algorithm, public_key)
    except signers.KeyUnusable as exc:
        raise BankKeyUnusable from exc


async def propose(
    session: Session,
    approvals: Approvals,
    *,
    kind: MallProposal,
    bank_id: str,
    content: Mapping[str, Any],
    reason: str,
    operator: Operator,
) -> Proposal:
    """Propose to register a bank, to change its terms, to add a key, or to resume it.

    Raises BankExists, TooManyBanks, BankNotFound, BudgetNotFound, BudgetClosed, BankKeyUnusable, BankKeyExists,
    TooManyBankKeys, BankActive, ProposalOpen.
    """
    if "public_key" in content:
        require_usable_key(content["algorithm"], content["public_key"])
    return await approvals.propose(
        session, kind=kind, subject=bank_id, content=content, reason=reason, operator=operator
    )


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(name=REGISTER, scope=SCOPE, preview=_preview_register, act=_register),
        Kind(name=CHANGE, scope=SCOPE, preview=_preview_change, act=_change),
        Kind(name=ADD_KEY, scope=SCOPE, preview=_preview_key, act=_add_key),
        Kind(name=RESUME, scope=SCOPE, preview=_preview_resume, act=_resume),
    )


def _terms(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in _KEY_FIELDS}


async def _preview_register(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    if await repository.find(session, subject) is not None:
        raise BankExists
    if await repository.count(session) >= BANKS_MAX:
        raise TooManyBanks(most=BANKS_MAX)
    if await repository.find_key(session, content["app_key"]) is not None:
        raise BankKeyExists
    await budgets.require_open(session, budget_id=content["budget_id"])
    return Change({}, dict(content))


async def _register(session: Session, proposal: Proposal) -> None:
    if not await repository.add(session, {"bank_id": proposal.subject, **_terms(proposal.content)}):
        raise BankExists
    await _add_key(session, proposal)


async def _preview_change(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    row = await repository.find(session, subject)
    if row is None:
        raise BankNotFound
    await budgets.require_open(session, budget_id=content["budget_id"])
    return Change({name: getattr(row, name) for name in content}, dict(content))


async def _change(session: Session, proposal: Proposal) -> None:
    await repository.change(session, proposal.subject, proposal.content)


async def _preview_key(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    if await repository.find(session, subject, lock=True) is None:
        raise BankNotFound
    live = [key.app_key for key in await repository.keys_of(session, [subject]) if key.revoked_at is None]
    if len(live) >= KEYS_MAX:
        raise TooManyBankKeys(most=KEYS_MAX)
    if await repository.find_key(session, content["app_key"]) is not None:
        raise BankKeyExists
    return Change({"keys": live}, {"keys": [*live, content["app_key"]]})


async def _add_key(session: Session, proposal: Proposal) -> None:
    key = {name: proposal.content[name] for name in _KEY_FIELDS}
    if not await repository.add_key(session, {"bank_id": proposal.subject, **key}):
        raise BankKeyExists


async def _preview_resume(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    row = await repository.find(session, subject)
    if row is None:
        raise BankNotFound
    if row.suspended_at is None:
        raise BankActive
    return Change({"suspended": True}, {"suspended": False})


async def _resume(session: Session, proposal: Proposal) -> None:
    await repository.set_suspended(session, proposal.subject, suspended=False)


# --- signatures -------------------------------------------------------------------------------------------------------


async def bank_of_signature(session: Session, *, authorization: str, method: str, target: str, body: bytes) -> str:
    """Verify a CP1 signature, note its nonce, and return the id of the bank.

    Raises BankSignatureInvalid, BankSuspended.
    """
    given = cp1.parse_authorization(authorization)
    if given is None:
        raise BankSignatureInvalid("MALFORMED" if authorization else "MISSING")
    row = await repository.find_key(session, given.app_key) if given.app_key.isprintable() else None
    if row is None:
        raise BankSignatureInvalid("UNKNOWN")
    if row.revoked_at is not None:
        raise BankSignatureInvalid("REVOKED")
    if row.algorithm != given.algorithm:
        raise BankSignatureInvalid("ALGORITHM")
    if abs(clock.now().timestamp() - given.timestamp) > cp1.WINDOW_S:
        raise BankSignatureInvalid("OUT_OF_WINDOW")
    verifier = signers.verifier_of(row.algorithm, row.public_key)
    message = cp1.string_to_sign(method=method, target=target, timestamp=given.timestamp, nonce=given.nonce, body=body)
    if verifier.is_slow:
        is_valid = await asyncio.to_thread(verifier.verify, message, given.signature)
    else:
        is_valid = verifier.verify(message, given.signature)
    if not is_valid:
        raise BankSignatureInvalid("SIGNATURE")
    if row.suspended_at is not None:
        raise BankSuspended
    if not await repository.claim_nonce(session, row.app_key, given.nonce):
        raise BankSignatureInvalid("REPLAYED")
    return str(row.bank_id)


async def delete_old(session: Session) -> None:
    """Timed job: forget nonces whose timestamps are refused by now."""
    await repository.delete_nonces(session, older_than=NONCES_KEPT)
