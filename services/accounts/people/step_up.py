"""Step-up: a fresh code of `wx.login` confirms that the person of a session still holds the phone.

The code goes the way of a log-in's: one call to WeChat for each, in turn by address, behind the same breaker.
"""

import hashlib
import uuid

from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.log_in_codes.service import Claim, Outcome
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.resources import LogInCalls
from services.accounts.sessions import service as sessions
from services.accounts.sessions.errors import StepUpCodeInvalid, StepUpOtherPerson, StepUpRequired
from services.accounts.users import service as users
from services.accounts.vault import Vault
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import REFUSALS, WxCodeInvalid, WxUnavailable
from shared.db import Database
from shared.errors import AppError
from shared.fair_gate import FairGate
from shared.live_sessions import SessionEnded

# A person confirms once for each thing that is done. Each confirmation is a call to WeChat.
STEP_UP_QUOTA = Quota("step_up", at_most=20, window_s=3600)


async def step_up(
    database: Database,
    *,
    calls: LogInCalls,
    gate: FairGate,
    turn: str,
    wechat: WeChatClient,
    vault: Vault,
    user_id: uuid.UUID,
    token_id: str,
    code: str,
) -> None:
    """Confirm the person of a live session by a code of `wx.login`. The confirmation holds for five minutes.

    The same code of the same session sent again, at once or later, is answered again. No database connection waits
    for WeChat. Raises SessionEnded, StepUpCodeInvalid, StepUpOtherPerson, QuotaExceeded, WxRateLimited, WxUserBlocked,
    WxBusy, WxUnavailable, KeyBusy, GateBusy.
    """
    session_id = sessions.session_of(token_id)
    if session_id is None:
        raise SessionEnded
    async with database.transaction() as session:
        await quotas.count_use(session, user_id=user_id, quota=STEP_UP_QUOTA)
    code_hash = vault.deriving_key.hash("log_in_code", code)

    async def step_up_in_turn() -> None:
        async with gate.admit(turn):
            claim = await log_in_codes.claim_or_wait(database, code_hash=code_hash)
            if isinstance(claim, Outcome):
                await _take_outcome(database, claim, user_id=user_id, token_id=token_id)
            else:
                await _exchange(
                    database, claim, wechat=wechat, vault=vault, user_id=user_id, token_id=token_id, code=code
                )

    # Log-ins share their calls by the code alone. The answer here belongs to one session.
    await calls.run(hashlib.sha256(session_id.bytes + code_hash).digest(), step_up_in_turn)


async def _exchange(
    database: Database,
    claim: Claim,
    *,
    wechat: WeChatClient,
    vault: Vault,
    user_id: uuid.UUID,
    token_id: str,
    code: str,
) -> None:
    session_id = sessions.session_of(token_id)
    assert session_id is not None  # step_up refuses such a token
    try:
        openid = await wechat.fetch_openid(code)
        async with database.transaction() as session:
            if await users.find_user(session, vault=vault, openid=openid) != user_id:
                raise StepUpOtherPerson
            await sessions.step_up(session, user_id=user_id, session_id=session_id)
            await log_in_codes.finish(session, claim, session_id=session_id)
    except AppError as refusal:
        async with database.transaction() as session:
            await log_in_codes.finish(session, claim, refusal=refusal.code)
        if not isinstance(refusal, WxCodeInvalid):
            raise
        # WeChat calls a code used that this session has just used: the phone did not get our answer.
        await _take_outcome(database, Outcome(claim.session_id, None), user_id=user_id, token_id=token_id)


async def _take_outcome(database: Database, outcome: Outcome, *, user_id: uuid.UUID, token_id: str) -> None:
    """Answer with what another exchange of the same code led to."""
    if outcome.refusal == StepUpOtherPerson.code:
        raise StepUpOtherPerson
    if outcome.refusal is not None and outcome.refusal != WxCodeInvalid.code:
        raise REFUSALS.get(outcome.refusal, WxUnavailable)
    if outcome.session_id is None or outcome.session_id != sessions.session_of(token_id):
        raise StepUpCodeInvalid
    try:
        async with database.transaction() as session:
            await sessions.require_stepped_up(session, user_id=user_id, token_id=token_id)
    except StepUpRequired as exc:
        raise StepUpCodeInvalid from exc
