"""Bindings of a citizen: create, list, end. Each change is published in the same transaction.

Each change of a person's bindings happens under that user's row lock. Between two users, the unique indexes of live
bindings decide.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.accounts.authorizations import service as authorizations
from services.accounts.bindings import domain, repository
from services.accounts.bindings.domain import BindingStatus, EndReason, Mode
from services.accounts.bindings.errors import (
    BindingAlreadyExists,
    BindingLimitReached,
    BindingModeUnavailable,
    BindingNeedsToken,
    BindingNotFound,
    CountsFromOutOfRange,
    PartnerAccountTaken,
    PhoneRequired,
)
from services.accounts.bindings.following import follow_consents
from services.accounts.bindings.models import Binding
from services.accounts.bindings.publishing import publish_bindings, publish_forgotten
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.domain import partner_purpose
from services.accounts.consents.service import Decision, Purpose
from services.accounts.guardians import service as guardians
from services.accounts.guardians.errors import GuardianRequired
from services.accounts.messages import service as messages
from services.accounts.messages.service import MessageKind
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.domain import Partner
from services.accounts.phones import service as phones
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.sentences.names import WAYS_TO_BIND
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.identity import account_key
from shared.db import Session
from shared.instants import stamp

# More partners than a city has. Bounds every list of one person's live bindings.
LIVE_BINDINGS_MAX = 50
# Every binding stays in the table as history and on the compacted topic.
BINDINGS_QUOTA = Quota("binding", at_most=50, window_s=86_400)

# Nobody needs a message about what one has just done.
_ENDED_BY_ONESELF = frozenset({EndReason.CITIZEN, EndReason.CONSENT_GIVEN_AGAIN, EndReason.ERASED})


@dataclass(frozen=True, slots=True)
class PartnerReference:
    """How the partner names the person in its events: `account_ref {type, value}`."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class BindingView:
    """A binding as its owner may see it."""

    binding_id: uuid.UUID
    partner_id: str
    mode: Mode
    status: BindingStatus
    since: datetime
    counts_from: datetime
    ended_at: datetime | None
    consent_withdrawn_at: datetime | None
    confirm_before: datetime | None
    ended_reason: EndReason | None


@dataclass(frozen=True, slots=True)
class BindResult:
    """`is_new` is False when the same binding existed before."""

    binding: BindingView
    is_new: bool


def usable_modes(partner: Partner) -> tuple[Mode, ...]:
    return domain.usable_modes(
        partner.binding_modes, has_phone_pepper=partner.phone_pepper is not None, has_oauth=partner.oauth is not None
    )


def require_mode(partner: Partner, mode: Mode) -> None:
    """Raises BindingModeUnavailable, which lists the modes the partner supports."""
    usable = usable_modes(partner)
    if mode not in usable:
        names = [item.value for item in usable]
        raise BindingModeUnavailable(
            supported=[WAYS_TO_BIND[name] for name in names] or "-", extensions={"supported_modes": names}
        )


async def bind_partner(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    partners: PartnerDirectory,
    user_id: uuid.UUID,
    partner_id: str,
    mode: Mode,
    counts_from: datetime | None,
    policy_version: str | None = None,
) -> BindResult:
    """Bind a citizen to a partner on the citizen's own request, without a confirmation at the partner's site.

    `policy_version`: the text for partners that the citizen saw; None means the current one.

    The registry is called before the first statement, so that no database connection waits for it.
    Raises PartnerNotFound, PartnersUnavailable, BindingModeUnavailable, BindingNeedsToken, PhoneRequired,
    Unauthenticated and everything `create_binding` raises.
    """
    partner = await partners.get_partner(partner_id)
    require_mode(partner, mode)
    if mode is Mode.TOKEN:
        raise BindingNeedsToken
    await users.lock_user(session, user_id=user_id)
    if mode is Mode.PHONE_HASH:
        reference = await _phone_reference(session, vault=vault, user_id=user_id, partner=partner)
    else:
        account = await carbon_accounts.require_personal(session, user_id=user_id)
        reference = PartnerReference("account_no", account.account_no)
    return await create_binding(
        session,
        settings=settings,
        user_id=user_id,
        partner=partner,
        mode=mode,
        reference=reference,
        counts_from=counts_from,
        policy_version=policy_version,
    )


async def create_binding(
    session: Session,
    *,
    settings: Settings,
    user_id: uuid.UUID,
    partner: Partner,
    mode: Mode,
    reference: PartnerReference,
    counts_from: datetime | None,
    policy_version: str | None = None,
) -> BindResult:
    """Create a binding, or return the live one with the same partner account. The caller holds the user's lock.

    It gives the consent `partner:<id>`: a binding without consent to this partner resumes.
    Raises PolicyVersionUnknown, PolicyVersionOutdated, GuardianRequired, CarbonAccountNotOpened,
    ConsentRequired, BindingAlreadyExists, PartnerAccountTaken, BindingLimitReached,
    CountsFromOutOfRange, QuotaExceeded.
    """
    account = await carbon_accounts.require_personal(session, user_id=user_id)
    consent_floor = await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    key = key_of(settings, partner, reference)
    partner_floor = await _give_consent(session, settings, user_id, partner.partner_id, policy_version)
    existing = await repository.find_live_at_partner(session, user_id=user_id, partner_id=partner.partner_id)
    if existing is not None:
        if existing.account_key == key:
            return BindResult(to_view(existing), is_new=False)
        raise BindingAlreadyExists
    if await repository.count_live(session, user_id=user_id) >= LIVE_BINDINGS_MAX:
        raise BindingLimitReached(limit=LIVE_BINDINGS_MAX)
    await quotas.count_use(session, user_id=user_id, quota=BINDINGS_QUOTA)
    now = clock.now()
    former_end = await repository.find_last_end(session, partner_id=partner.partner_id, account_key=key)
    start = _start(counts_from, now, partner.late_window_s, (consent_floor, partner_floor, former_end))
    row = await repository.try_insert(
        session,
        user_id=user_id,
        account_id=account.account_id,
        partner_id=partner.partner_id,
        partner_name=partner.name,
        account_key=key,
        mode=mode,
        counts_from=start,
        at=now,
        confirm_before=now + domain.CONFIRMED_WITHIN if _waits_for_partner(partner, mode) else None,
    )
    if row is None:
        raise PartnerAccountTaken
    await publish_bindings(session, settings=settings, changed=[row])
    await follow_consents(session, settings=settings, user_id=user_id)  # the end of a consent may be announced
    return BindResult(to_view(row), is_new=True)


async def _give_consent(
    session: Session, settings: Settings, user_id: uuid.UUID, partner_id: str, policy_version: str | None
) -> datetime | None:
    """Record consent to a partner. Return its start if there was a time without it. Bindings are counted elsewhere.

    For a person under 14, the guardian has consented before. Raises GuardianRequired.
    """
    purpose = partner_purpose(partner_id)
    if await guardians.is_under_14(session, settings=settings, user_id=user_id):
        if not await consents.has_consent(session, user_id=user_id, purpose=purpose):
            raise GuardianRequired
        return await consents.require_consent(session, user_id=user_id, purpose=purpose)
    await consents.record_given(
        session,
        settings=settings,
        user_id=user_id,
        purpose=purpose,
        policy_version=policy_version,
        decision=Decision("self", "binding"),
        counted=await repository.find_live_at_partner(session, user_id=user_id, partner_id=partner_id) is not None,
    )
    await follow_consents(session, settings=settings, user_id=user_id)
    return await consents.require_consent(session, user_id=user_id, purpose=purpose)


def key_of(settings: Settings, partner: Partner, reference: PartnerReference) -> str:
    """Return the keyed hash under which activities and bindings of one partner account meet."""
    pepper = settings.account_ref_pepper.get_secret_value()
    return account_key(pepper, partner.partner_id, reference.type, reference.value)


async def end_binding(session: Session, *, settings: Settings, user_id: uuid.UUID, binding_id: uuid.UUID) -> None:
    """End a binding: activities from now on do not count. A binding that has ended stays as it is.

    Raises BindingNotFound, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    row = await repository.lock_binding(session, binding_id=binding_id, user_id=user_id)
    if row is None:
        raise BindingNotFound
    await end_rows(session, [row], settings=settings, reason=EndReason.CITIZEN)


async def end_rows(
    session: Session, rows: Sequence[Binding], *, settings: Settings, reason: EndReason
) -> Sequence[Binding]:
    """End those of the rows that live, publish them, and let their tokens at the partner end. Return them.

    The one place where bindings end for good. The rows and their people are locked.
    """
    ended = [row for row in rows if row.status != "ended"]
    now = clock.now()
    for row in ended:
        _end(row, ended_at=now, now=now, reason=reason)
    await publish_bindings(session, settings=settings, changed=ended)
    await authorizations.end_grants(session, binding_ids=[row.binding_id for row in ended])
    if reason not in _ENDED_BY_ONESELF:
        for row in ended:
            await messages.queue(
                session,
                user_id=row.user_id,
                kind=MessageKind.BINDING_ENDED,
                key=str(row.binding_id),
                values={"partner": row.partner_name or row.partner_id, "at": now},
            )
    return ended


async def end_all(session: Session, *, settings: Settings, user_id: uuid.UUID, reason: EndReason) -> None:
    """End all live bindings of a person, as erasure does. The caller holds the user's lock."""
    await end_rows(session, await _lock_live(session, user_id), settings=settings, reason=reason)


async def end_phone_bindings(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """End the bindings by phone number, because another person may get the old number. The caller holds the lock."""
    rows = await _lock_live(session, user_id)
    by_phone = [row for row in rows if row.mode == Mode.PHONE_HASH]
    await end_rows(session, by_phone, settings=settings, reason=EndReason.PHONE_CHANGED)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """End all live bindings of a person, then tell readers of the topic to forget all of them.

    The rows are deleted by the caller, who holds the user's lock.
    """
    await end_all(session, settings=settings, user_id=user_id, reason=EndReason.ERASED)
    await publish_forgotten(session, settings=settings, binding_ids=await repository.ids_of(session, user_id=user_id))


async def list_live(session: Session, *, user_id: uuid.UUID) -> Sequence[BindingView]:
    """List all live bindings of a person, newest first: active ones and those that wait for the partner."""
    rows = await repository.list_live(session, user_id=user_id, at_most=LIVE_BINDINGS_MAX)
    return [to_view(row) for row in rows]


async def list_page(
    session: Session, *, user_id: uuid.UUID, status: BindingStatus | None, before: uuid.UUID | None, limit: int
) -> Sequence[BindingView]:
    """List bindings that are older than `before`, newest first, ended ones too."""
    rows = await repository.list_page(session, user_id=user_id, status=status, before=before, limit=limit)
    return [to_view(row) for row in rows]


def to_view(row: Binding) -> BindingView:
    return BindingView(
        binding_id=row.binding_id,
        partner_id=row.partner_id,
        mode=Mode(row.mode),
        status=row.status,
        since=row.since,
        counts_from=row.counts_from,
        ended_at=row.ended_at,
        consent_withdrawn_at=row.consent_withdrawn_at,
        confirm_before=row.confirm_before,
        ended_reason=EndReason(row.ended_reason) if row.ended_reason is not None else None,
    )


async def _lock_live(session: Session, user_id: uuid.UUID) -> Sequence[Binding]:
    return await repository.lock_live_of_user(session, user_id=user_id, at_most=LIVE_BINDINGS_MAX)


def _waits_for_partner(partner: Partner, mode: Mode) -> bool:
    return mode is Mode.ACCOUNT_NO and domain.ACCOUNT_NO_CONFIRMED in partner.binding_modes


async def _phone_reference(session: Session, *, vault: Vault, user_id: uuid.UUID, partner: Partner) -> PartnerReference:
    number = await phones.read_number(session, vault=vault, user_id=user_id)
    if number is None:
        raise PhoneRequired
    assert partner.phone_pepper is not None  # require_mode refuses phone_hash without a pepper
    return PartnerReference("phone_hash", domain.hash_phone(partner.phone_pepper.get_secret_value(), number))


def _start(
    requested: datetime | None, now: datetime, late_window_s: int, not_before: Sequence[datetime | None]
) -> datetime:
    earliest = domain.earliest_start(now, late_window_s=late_window_s, not_before=not_before)
    if requested is None:
        return max(now, earliest)
    if earliest.replace(microsecond=0) <= requested < earliest:
        return earliest  # answers show whole seconds: a time that we showed is accepted
    if not earliest <= requested <= now:
        limits = {"earliest": stamp(earliest), "latest": stamp(now)}
        raise CountsFromOutOfRange(earliest=earliest, latest=now, extensions=limits)
    return requested


def _end(row: Binding, *, ended_at: datetime, now: datetime, reason: EndReason) -> None:
    row.status, row.ended_at, row.ended_reason, row.confirm_before = "ended", ended_at, reason, None
    next_version(row, now)


def next_version(row: Binding, now: datetime) -> None:
    row.version += 1
    row.changed_at = now
