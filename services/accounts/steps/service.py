"""Reads the steps that WeChat counted, and reports whole days through ingest as the source `wechat`.

The session key lives for this request only: it is never stored, logged or answered. The days are acts like any other:
a methodology for steps decides what they are worth, and without one they are refused with a reason.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import structlog

from services.accounts.bindings import service as bindings
from services.accounts.bindings.domain import Mode
from services.accounts.bindings.errors import CountsFromOutOfRange
from services.accounts.bindings.service import BindingView, PartnerReference
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.log_in_codes import service as log_in_codes
from services.accounts.log_in_codes.service import Outcome
from services.accounts.partners.client import IngestClient
from services.accounts.partners.domain import Partner
from services.accounts.partners.errors import PartnersUnavailable
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.resources import LogInCalls
from services.accounts.settings import Settings
from services.accounts.steps import domain, repository
from services.accounts.steps.errors import StepsNotReported
from services.accounts.users import service as users
from services.accounts.vault import Vault
from services.accounts.wechat import decryption
from services.accounts.wechat.answers import WeChatLogIn
from services.accounts.wechat.client import WeChatClient
from services.accounts.wechat.errors import WxCodeInvalid, WxLogInAgain, WxOtherPerson
from shared import clock
from shared.db import Database, Session
from shared.errors import AppError
from shared.fair_gate import FairGate

WECHAT: Final = Partner(
    partner_id="wechat", name="微信运动", name_en="WeChat Sports", scenes=("steps",), late_window_s=31 * 86_400
)
STEPS_QUOTA: Final = Quota("steps", at_most=20, window_s=86_400)
_RETRY_AFTER_S: Final = 5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EncryptedSteps:
    """What the phone got of `wx.getWeRunData`, after the `wx.login` that gave `code`."""

    code: str
    encrypted_data: str
    iv: str


@dataclass(frozen=True, slots=True)
class Ports:
    settings: Settings
    vault: Vault
    wechat: WeChatClient
    ingest: IngestClient
    calls: LogInCalls
    gate: FairGate


async def report_steps(
    database: Database, ports: Ports, *, user_id: uuid.UUID, turn: str, given: EncryptedSteps
) -> Mapping[date, int]:
    """Report the days that are over and were not reported before. Return them with their steps.

    Copies of a request in one process share one exchange. No connection waits for WeChat or for ingest.
    Raises ConsentRequired, CarbonAccountNotOpened, QuotaExceeded, WxLogInAgain (log in, then read the steps again),
    WxOtherPerson, WxRateLimited, WxUserBlocked, WxBusy, WxUnavailable, StepsNotReported, GateBusy.
    """
    content = f"steps\x00{user_id}\x00{given.code}\x00{given.encrypted_data}\x00{given.iv}"
    key = hashlib.sha256(content.encode()).digest()

    async def work() -> Mapping[date, int]:
        async with database.transaction() as session:
            await quotas.count_use(session, user_id=user_id, quota=STEPS_QUOTA)
            await _allowed_since(session, user_id=user_id)
        async with ports.gate.admit(turn):
            log_in = await _exchange_once(database, ports, code=given.code)
        by_day = await _read(database, ports, user_id=user_id, log_in=log_in, given=given)
        return await _report(database, ports, user_id=user_id, by_day=by_day)

    reported: Mapping[date, int] = await ports.calls.run(key, work)
    return reported


async def _allowed_since(session: Session, *, user_id: uuid.UUID) -> datetime:
    """Return since when the citizen allows it. Raises ConsentRequired, CarbonAccountNotOpened."""
    await carbon_accounts.require_personal(session, user_id=user_id)
    floor = await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    since = await consents.require_given_since(session, user_id=user_id, purpose=Purpose.HEALTH_STEPS)
    return since if floor is None else max(since, floor)


async def _exchange_once(database: Database, ports: Ports, *, code: str) -> WeChatLogIn:
    """Exchange a code that nobody has exchanged. The claim is that of log-ins: one call to WeChat for a code."""
    code_hash = ports.vault.deriving_key.hash("log_in_code", code)
    claim = await log_in_codes.claim_or_wait(database, code_hash=code_hash)
    if isinstance(claim, Outcome):
        raise WxLogInAgain
    try:
        log_in = await ports.wechat.fetch_log_in(code)
    except AppError as refusal:
        async with database.transaction() as session:
            await log_in_codes.finish(session, claim, refusal=refusal.code)
        if isinstance(refusal, WxCodeInvalid):
            raise WxLogInAgain from None  # not 401: the caller is logged in
        raise
    async with database.transaction() as session:
        await log_in_codes.finish(session, claim)
    return log_in


async def _read(
    database: Database, ports: Ports, *, user_id: uuid.UUID, log_in: WeChatLogIn, given: EncryptedSteps
) -> Mapping[date, int]:
    async with database.transaction() as session:
        same = await users.is_openid(session, vault=ports.vault, user_id=user_id, openid=log_in.openid)
    if not same:
        raise WxOtherPerson
    try:
        document = decryption.decrypt(
            encrypted_data=given.encrypted_data,
            iv=given.iv,
            session_key=log_in.session_key,
            app_id=ports.wechat.app_id,
        )
        return domain.steps_by_day(document, now=clock.now(), time_zone=ports.settings.time_zone)
    except (decryption.NotDecrypted, domain.StepsUnreadable) as exc:
        _log.warning("steps_unreadable", error=type(exc).__name__)
        raise WxLogInAgain from None


async def _report(
    database: Database, ports: Ports, *, user_id: uuid.UUID, by_day: Mapping[date, int]
) -> Mapping[date, int]:
    """Report the new days, then note the last one. A crash in between repeats events, which count once."""
    async with database.transaction() as session:
        await users.lock_user(session, user_id=user_id)
        since = await _allowed_since(session, user_id=user_id)  # it may have been withdrawn meanwhile
        account = await carbon_accounts.require_personal(session, user_id=user_id)
        binding = await _bind(session, ports.settings, user_id=user_id, account_no=account.account_no, since=since)
        days = domain.days_to_report(
            by_day,
            now=clock.now(),
            since=max(since, binding.counts_from),
            reported_through=await repository.reported_through(session, user_id=user_id),
            time_zone=ports.settings.time_zone,
        )
    if not days:
        return {}
    try:
        await ports.ingest.report_steps(account_no=account.account_no, city_code=ports.settings.city_code, days=days)
    except PartnersUnavailable:
        raise StepsNotReported(retry_after_s=_RETRY_AFTER_S) from None
    async with database.transaction() as session:
        await users.lock_user(session, user_id=user_id)
        await repository.note_reported(session, user_id=user_id, through=max(days), at=clock.now())
    return days


async def _bind(
    session: Session, settings: Settings, *, user_id: uuid.UUID, account_no: str, since: datetime
) -> BindingView:
    """Return the binding to WeChat, made at the first report. Days count from the consent, or as early as can be."""
    reference = PartnerReference("account_no", account_no)
    for counts_from in (since, None):
        try:
            made = await bindings.create_binding(
                session,
                settings=settings,
                user_id=user_id,
                partner=WECHAT,
                mode=Mode.ACCOUNT_NO,
                reference=reference,
                counts_from=counts_from,
            )
        except CountsFromOutOfRange:
            if counts_from is None:
                raise
        else:
            return made.binding
    raise AssertionError("unreachable")


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    await repository.delete_of_user(session, user_id=user_id)
