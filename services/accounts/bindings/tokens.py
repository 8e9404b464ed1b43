"""Binding by token: the citizen shows a QR code, the partner's machine scans it and confirms it with a signature."""

import uuid
from datetime import timedelta

from services.accounts.bindings import repository, service
from services.accounts.bindings.domain import Mode
from services.accounts.bindings.errors import BindingTokenInvalid
from services.accounts.bindings.models import BindingToken
from services.accounts.bindings.service import BindResult, PartnerReference
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.domain import partner_purpose
from services.accounts.consents.service import Purpose
from services.accounts.guardians import service as guardians
from services.accounts.guardians.errors import GuardianRequired
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, show_code
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.domain import VerifiedSigner
from services.accounts.partners.errors import PartnerRequestReplayed
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.db import Session

TOKEN_LIFE = timedelta(seconds=120)
# The page renews its code about once a minute. More requests come from a script.
TOKENS_QUOTA = Quota("binding_token", at_most=10, window_s=60)
_TOKEN_PREFIX = "cib_"
# For this long a used token still answers the same partner's repeated confirmation.
_TOKEN_KEPT = timedelta(days=1)
# A signature is valid for 300 s before and after its timestamp.
_NONCE_KEPT = timedelta(hours=1)


async def issue_token(
    session: Session, *, settings: Settings, partners: PartnerDirectory, user_id: uuid.UUID, partner_id: str | None
) -> ShownCode:
    """Issue a token for one binding. With `partner_id`, only that partner can confirm it.

    A person under 14 names a partner to which the guardian has consented, so that no partner learns of the age.
    Raises GuardianRequired, CarbonAccountNotOpened, ConsentRequired, QuotaExceeded, Unauthenticated and, with
    `partner_id`, PartnerNotFound, PartnersUnavailable, BindingModeUnavailable.
    """
    if partner_id is not None:
        service.require_mode(await partners.get_partner(partner_id), Mode.TOKEN)
    await users.lock_user(session, user_id=user_id)
    await carbon_accounts.require_personal(session, user_id=user_id)
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    if await guardians.is_under_14(session, settings=settings, user_id=user_id):
        purpose = partner_purpose(partner_id or "")
        if not await consents.has_consent(session, user_id=user_id, purpose=purpose):
            raise GuardianRequired
    await quotas.count_use(session, user_id=user_id, quota=TOKENS_QUOTA)
    token = draw_token(_TOKEN_PREFIX)
    now = clock.now()
    row = BindingToken(
        token_sha256=digest_token(token),
        user_id=user_id,
        partner_id=partner_id,
        created_at=now,
        expires_at=now + TOKEN_LIFE,
    )
    await repository.add_token(session, row)
    return show_code(token, row.expires_at)


async def record_nonce(session: Session, *, signer: VerifiedSigner) -> None:
    """Record the nonce of a signed request, so that the request is accepted once. Raises PartnerRequestReplayed.

    The caller commits before the request is handled. A request that fails later stays used.
    """
    if not await repository.try_add_nonce(session, partner_id=signer.partner_id, nonce=signer.nonce, at=clock.now()):
        raise PartnerRequestReplayed


async def confirm_token(
    session: Session,
    *,
    settings: Settings,
    partners: PartnerDirectory,
    partner_id: str,
    token: str,
    partner_account: str,
) -> BindResult:
    """Bind the owner of a token to `partner_account`. A repeated confirmation returns the same binding.

    Raises PartnerNotFound, PartnersUnavailable, BindingModeUnavailable, BindingTokenInvalid and everything
    `service.create_binding` raises.
    """
    partner = await partners.get_partner(partner_id)
    service.require_mode(partner, Mode.TOKEN)
    row = await repository.lock_token(session, token_sha256=digest_token(token))
    if row is None or row.partner_id not in {None, partner.partner_id}:
        raise BindingTokenInvalid
    reference = PartnerReference("open_id", partner_account)
    if row.binding_id is not None:
        binding = await repository.find_binding(session, binding_id=row.binding_id)
        key = service.key_of(settings, partner, reference)
        if binding is None or binding.partner_id != partner.partner_id or binding.account_key != key:
            raise BindingTokenInvalid
        return BindResult(service.to_view(binding), is_new=False)
    if row.expires_at <= clock.now():
        raise BindingTokenInvalid
    await users.lock_user(session, user_id=row.user_id)
    try:
        result = await service.create_binding(
            session,
            settings=settings,
            user_id=row.user_id,
            partner=partner,
            mode=Mode.TOKEN,
            reference=reference,
            counts_from=None,
        )
    except GuardianRequired:  # the guardian has withdrawn meanwhile
        raise BindingTokenInvalid from None
    row.binding_id = result.binding.binding_id
    return result


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Delete tokens and nonces that can no longer be used, at most `at_most` of each."""
    now = clock.now()
    await repository.delete_expired(
        session, tokens_before=now - _TOKEN_KEPT, nonces_before=now - _NONCE_KEPT, at_most=at_most
    )
