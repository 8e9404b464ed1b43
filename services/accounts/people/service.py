"""Use cases that change several rooms for one person in one transaction.

Bindings follow the consent and the phone number of their person. The rooms below record single facts and cannot keep
that rule. Therefore only this module records consents, phone numbers and personal accounts. A test holds this.
"""

import uuid
from dataclasses import dataclass

from services.accounts.bindings import service as bindings
from services.accounts.bindings.following import follow_consents
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.carbon_accounts.service import Account, OpenResult
from services.accounts.consents import service as consents
from services.accounts.consents.domain import partner_of, stops_bindings
from services.accounts.consents.service import BY_CITIZEN, ConsentRecord, Decision, Purpose
from services.accounts.erasures import service as erasures
from services.accounts.erasures.service import ErasureView
from services.accounts.guardians import service as guardians
from services.accounts.guardians.errors import GuardianRequired
from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.log_in_codes.service import Outcome
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.phones import service as phones
from services.accounts.resources import LogInCalls
from services.accounts.sessions import service as sessions
from services.accounts.sessions.domain import Device
from services.accounts.sessions.errors import StepUpOtherPerson
from services.accounts.sessions.service import Tokens
from services.accounts.settings import Settings
from services.accounts.signing import TokenSigner
from services.accounts.users import service as users
from services.accounts.vault import Vault
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import REFUSALS, WxCodeInvalid, WxUnavailable
from shared.db import Database, Session
from shared.errors import AppError
from shared.fair_gate import FairGate
from shared.live_sessions import SessionEnded

_OF_STEP_UP = frozenset({StepUpOtherPerson.code, SessionEnded.code})


@dataclass(frozen=True, slots=True)
class LoginResult:
    """`account` is None until the person opens one. `erasure` is the planned erasure, if there is one."""

    tokens: Tokens
    account: Account | None
    erasure: ErasureView | None


async def log_in(
    database: Database,
    *,
    calls: LogInCalls,
    gate: FairGate,
    turn: str,
    wechat: WeChatClient,
    vault: Vault,
    signer: TokenSigner,
    code: str,
    device: Device = Device.OTHER,
) -> LoginResult:
    """Start a session for the person behind a code of `wx.login`. Creates the user on the first visit.

    A code that is sent several times at once, also to several processes, is one call to WeChat and one session.
    Exchanges of different codes take turns by `turn`, the client's address. No database connection waits for WeChat.
    Raises WxCodeInvalid, WxRateLimited, WxUserBlocked, WxBusy, WxUnavailable, KeyBusy, GateBusy,
    LookUpKeyUnknown.
    """
    code_hash = vault.deriving_key.hash("log_in_code", code)

    async def log_in_in_turn() -> LoginResult:
        async with gate.admit(turn):
            tokens = await _log_in_once(
                database, wechat=wechat, vault=vault, signer=signer, code=code, code_hash=code_hash, device=device
            )
            async with database.transaction() as session:
                return LoginResult(
                    tokens,
                    await carbon_accounts.find_personal(session, user_id=tokens.user_id),
                    await erasures.find_planned(session, user_id=tokens.user_id),
                )

    found: LoginResult = await calls.run(code_hash, log_in_in_turn)
    return found


async def _log_in_once(
    database: Database,
    *,
    wechat: WeChatClient,
    vault: Vault,
    signer: TokenSigner,
    code: str,
    code_hash: bytes,
    device: Device,
) -> Tokens:
    claim = await log_in_codes.claim_or_wait(database, code_hash=code_hash)
    if isinstance(claim, Outcome):
        if claim.refusal is not None:
            # A code that confirmed somebody's session is used up for a log-in.
            raise WxCodeInvalid if claim.refusal in _OF_STEP_UP else REFUSALS.get(claim.refusal, WxUnavailable)
        again = await _answer_again(database, claim.session_id, vault=vault, signer=signer, code=code)
        if again is None:
            raise WxCodeInvalid
        return again
    try:
        openid = await wechat.fetch_openid(code)
    except AppError as refusal:
        async with database.transaction() as session:
            await log_in_codes.finish(session, claim, refusal=refusal.code)
        if isinstance(refusal, WxCodeInvalid):
            # WeChat calls a code used that we have just used: the phone did not get our answer.
            used_for = claim.session_id or await _find_under_other_peppers(database, vault, code)
            again = await _answer_again(database, used_for, vault=vault, signer=signer, code=code)
            if again is not None:
                return again
        raise
    async with database.transaction() as session:
        tokens = await sessions.log_in(session, vault=vault, signer=signer, openid=openid, code=code, device=device)
        await log_in_codes.finish(session, claim, session_id=tokens.session_id)
        return tokens


async def _find_under_other_peppers(database: Database, vault: Vault, code: str) -> uuid.UUID | None:
    """Return the session of a code that was exchanged before the pepper changed."""
    async with database.transaction() as session:
        return await log_in_codes.find_session(session, hashes=vault.hashes("log_in_code", code))


async def _answer_again(
    database: Database, session_id: uuid.UUID | None, *, vault: Vault, signer: TokenSigner, code: str
) -> Tokens | None:
    if session_id is None:
        return None
    async with database.transaction() as session:
        return await sessions.answer_again(session, vault=vault, signer=signer, session_id=session_id, code=code)


async def open_account(session: Session, *, settings: Settings, user_id: uuid.UUID, policy_version: str) -> OpenResult:
    """Give consent to data processing and open the personal carbon account. A second call returns the same account.

    The consent is recorded in both cases, except for a person under 14: the guardian has given it.
    Raises GuardianRequired, PolicyVersionUnknown, PolicyVersionOutdated, QuotaExceeded, Unauthenticated (the user is
    gone).
    """
    await users.lock_user(session, user_id=user_id)
    if await guardians.is_under_14(session, settings=settings, user_id=user_id):
        if not await consents.has_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING):
            raise GuardianRequired
        return await carbon_accounts.open_personal_account(session, user_id=user_id, prefix=settings.account_no_prefix)
    await give_consent(
        session,
        settings=settings,
        user_id=user_id,
        purpose=Purpose.DATA_PROCESSING,
        policy_version=policy_version,
        decision=Decision("self", "account"),
    )
    return await carbon_accounts.open_personal_account(session, user_id=user_id, prefix=settings.account_no_prefix)


async def require_known(partners: PartnerDirectory, *, purpose: str) -> None:
    """Require that the partner of a purpose `partner:<id>` exists. Raises PartnerNotFound, PartnersUnavailable.

    Called before the first statement, so that no database connection waits for the registry.
    """
    partner_id = partner_of(purpose)
    if partner_id is not None:
        await partners.get_partner(partner_id)


async def give_consent(
    session: Session,
    *,
    settings: Settings,
    user_id: uuid.UUID,
    purpose: str,
    policy_version: str,
    decision: Decision = BY_CITIZEN,
) -> ConsentRecord:
    """Record consent. Bindings that had stopped for want of it count again from now on.

    Raises GuardianRequired, PolicyVersionUnknown, PolicyVersionOutdated, QuotaExceeded, Unauthenticated (the user is
    gone).
    """
    await users.lock_user(session, user_id=user_id)
    if decision.actor == "self":
        await guardians.require_own_decision(session, settings=settings, user_id=user_id)
    record = await consents.record_given(
        session,
        settings=settings,
        user_id=user_id,
        purpose=purpose,
        policy_version=policy_version,
        decision=decision,
    )
    if stops_bindings(purpose):
        await follow_consents(session, settings=settings, user_id=user_id)
    return record


async def withdraw_consent(
    session: Session, *, settings: Settings, user_id: uuid.UUID, purpose: str, decision: Decision = BY_CITIZEN
) -> None:
    """Record a withdrawal. Acts that need this consent no longer count from this moment on.

    Withdrawing a consent that was not given changes nothing. No quota limits it.
    Raises Unauthenticated (the user is gone).
    """
    await users.lock_user(session, user_id=user_id)
    await consents.record_withdrawn(session, settings=settings, user_id=user_id, purpose=purpose, decision=decision)
    if stops_bindings(purpose):
        await follow_consents(session, settings=settings, user_id=user_id)


async def withdraw_everything(session: Session, *, settings: Settings, user_id: uuid.UUID, decision: Decision) -> None:
    """Withdraw every consent of a person. Raises Unauthenticated (the user is gone)."""
    await users.lock_user(session, user_id=user_id)
    await consents.record_all_withdrawn(session, settings=settings, user_id=user_id, decision=decision)
    await follow_consents(session, settings=settings, user_id=user_id)


async def require_account_and_consent(session: Session, *, user_id: uuid.UUID) -> None:
    """Raises CarbonAccountNotOpened, ConsentRequired."""
    await carbon_accounts.require_personal(session, user_id=user_id)
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)


async def change_phone(
    session: Session,
    *,
    database: Database,
    wechat: WeChatClient,
    vault: Vault,
    settings: Settings,
    user_id: uuid.UUID,
    token_id: str,
    code: str,
) -> str:
    """Store the number behind a code of the getPhoneNumber button and return it masked.

    Who has a number already needs a step-up of the session; the first number needs none. Another number ends the
    bindings made with the former one. The attempt is counted in a transaction of its own before WeChat is asked, so
    failures count as well.
    Raises StepUpRequired, SessionEnded, QuotaExceeded, PhoneTaken, Unauthenticated, WxPhoneCodeInvalid, WxRateLimited,
    WxUserBlocked, WxUnavailable.
    """
    async with database.transaction() as counting:
        await _require_may_change_phone(counting, user_id=user_id, token_id=token_id)
        await phones.count_verification(counting, user_id=user_id)
    e164 = await wechat.fetch_phone(code)
    await users.lock_user(session, user_id=user_id)
    # Again, under the lock: two first numbers at once must not become a change without a step-up.
    await _require_may_change_phone(session, user_id=user_id, token_id=token_id)
    stored = await phones.store_number(session, vault=vault, user_id=user_id, e164=e164)
    if stored.changed:
        await bindings.end_phone_bindings(session, settings=settings, user_id=user_id)
    return stored.phone_masked


async def _require_may_change_phone(session: Session, *, user_id: uuid.UUID, token_id: str) -> None:
    if await phones.has_number(session, user_id=user_id):
        await sessions.require_stepped_up(session, user_id=user_id, token_id=token_id)
    else:
        await sessions.require_live(session, user_id=user_id, token_id=token_id)
