"""Binding by a token the citizen shows as a QR code and the partner's machine confirms with its signature."""

import uuid
from datetime import timedelta

from services.accounts.bindings import repository, service
from services.accounts.bindings.domain import Mode
from services.accounts.bindings.errors import BindingTokenInvalid
from services.accounts.bindings.models import BindingToken
from services.accounts.bindings.service import BindResult, PartnerReference
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, show_code
from services.accounts.partners.client import Partner, VerifiedSigner
from services.accounts.partners.errors import PartnerRequestReplayed
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.contracts.identity import account_key
from shared.db import Session

TOKEN_LIFE = timedelta(seconds=120)
# The page renews its code about once a minute; more is a script.
TOKENS_QUOTA = Quota("binding_token", at_most=10, window_s=60)
_TOKEN_PREFIX = "cib_"
# A used token still answers the same partner's repeated confirmation for this long.
_TOKEN_KEPT = timedelta(days=1)
# Signatures are good for 300 s before and after their timestamp.
_NONCE_KEPT = timedelta(hours=1)


async def issue_token(session: Session, *, user_id: uuid.UUID, partner_id: str | None) -> ShownCode:
    """A token for one binding, for `partner_id` only if given.

    Raises CarbonAccountNotOpened, ConsentRequired, QuotaExceeded, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    await carbon_accounts.require_personal(session, user_id=user_id)
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
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
    """Makes a signed request unrepeatable, whatever becomes of it. Raises PartnerRequestReplayed."""
    if not await repository.try_add_nonce(session, partner_id=signer.partner_id, nonce=signer.nonce, at=clock.now()):
        raise PartnerRequestReplayed


async def confirm_token(
    session: Session, *, settings: Settings, partner: Partner, token: str, partner_account: str
) -> BindResult:
    """The partner knows the token's owner as `partner_account`. Repeated after success it gives the same binding.

    Raises BindingModeUnavailable, BindingTokenInvalid and everything `service.create_binding` raises.
    """
    service.require_mode(partner, Mode.TOKEN)
    row = await repository.lock_token(session, token_sha256=digest_token(token))
    if row is None or row.partner_id not in {None, partner.partner_id}:
        raise BindingTokenInvalid
    reference = PartnerReference("open_id", partner_account)
    if row.binding_id is not None:
        binding = await repository.find_binding(session, binding_id=row.binding_id)
        pepper = settings.account_ref_pepper.get_secret_value()
        key = account_key(pepper, partner.partner_id, reference.type, reference.value)
        if binding is None or binding.partner_id != partner.partner_id or binding.account_key != key:
            raise BindingTokenInvalid
        return BindResult(service.to_view(binding), is_new=False)
    if row.expires_at <= clock.now():
        raise BindingTokenInvalid
    await users.lock_user(session, user_id=row.user_id)
    made = await service.create_binding(
        session,
        settings=settings,
        user_id=row.user_id,
        partner=partner,
        mode=Mode.TOKEN,
        reference=reference,
        counts_from=None,
    )
    row.binding_id = made.binding.binding_id
    return made


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Removes tokens and nonces nobody can use any more."""
    now = clock.now()
    await repository.delete_expired(
        session, tokens_before=now - _TOKEN_KEPT, nonces_before=now - _NONCE_KEPT, at_most=at_most
    )
