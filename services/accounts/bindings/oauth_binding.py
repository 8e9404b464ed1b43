"""Binding by a confirmation at the partner (OAuth): where to confirm, and the binding that comes of it."""

import uuid
from datetime import datetime

from services.accounts.authorizations import service as authorizations
from services.accounts.authorizations.errors import BindingStateInvalid
from services.accounts.authorizations.service import AnsweredBefore, Bearer, Confirmed, Started
from services.accounts.bindings import repository, service
from services.accounts.bindings.domain import Mode
from services.accounts.bindings.service import BindResult, PartnerReference
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.domain import Partner
from services.accounts.partners.oauth import PartnerOauth
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared.db import Database, Session


async def start(
    session: Session, *, vault: Vault, partners: PartnerDirectory, bearer: Bearer, partner_id: str
) -> Started:
    """Open a confirmation at a partner.

    Raises PartnerNotFound, PartnersUnavailable, BindingModeUnavailable, CarbonAccountNotOpened, ConsentRequired,
    QuotaExceeded, Unauthenticated.
    """
    partner = await partners.get_partner(partner_id)
    service.require_mode(partner, Mode.OAUTH)
    assert partner.oauth is not None  # require_mode refuses oauth without a configuration
    await users.lock_user(session, user_id=bearer.user_id)
    await carbon_accounts.require_personal(session, user_id=bearer.user_id)
    await consents.require_consent(session, user_id=bearer.user_id, purpose=Purpose.DATA_PROCESSING)
    return await authorizations.start(session, vault=vault, bearer=bearer, partner=partner, config=partner.oauth)


async def finish(
    session: Session,
    *,
    database: Database,
    settings: Settings,
    vault: Vault,
    partners: PartnerDirectory,
    oauth: PartnerOauth,
    bearer: Bearer,
    partner_id: str,
    state: str,
    code: str,
    issuer: str | None,
    counts_from: datetime | None,
    policy_version: str | None = None,
) -> BindResult:
    """Bind what the partner confirmed. The partner is asked before the first statement of `session`.

    The same state with the same code again returns the same binding. Where the binding is refused, the worker ends the
    tokens that the partner gave. Raises everything that `authorizations.confirm` and `service.create_binding` raise,
    PartnerNotFound, PartnersUnavailable, BindingModeUnavailable, Unauthenticated.
    """
    partner = await partners.get_partner(partner_id)
    service.require_mode(partner, Mode.OAUTH)
    confirmed = await authorizations.confirm(
        database,
        vault=vault,
        oauth=oauth,
        bearer=bearer,
        partner=partner,
        state=state,
        code=code,
        issuer=issuer,
    )
    if isinstance(confirmed, AnsweredBefore):
        return await _bound_before(session, confirmed, user_id=bearer.user_id)
    return await _bind(
        session,
        confirmed,
        settings=settings,
        user_id=bearer.user_id,
        partner=partner,
        counts_from=counts_from,
        policy_version=policy_version,
    )


async def _bind(
    session: Session,
    confirmed: Confirmed,
    *,
    settings: Settings,
    user_id: uuid.UUID,
    partner: Partner,
    counts_from: datetime | None,
    policy_version: str | None = None,
) -> BindResult:
    await users.lock_user(session, user_id=user_id)
    result = await service.create_binding(
        session,
        settings=settings,
        user_id=user_id,
        partner=partner,
        mode=Mode.OAUTH,
        reference=PartnerReference("open_id", confirmed.open_id),
        counts_from=counts_from,
        policy_version=policy_version,
    )
    await authorizations.attach(session, confirmed, binding_id=result.binding.binding_id)
    return result


async def _bound_before(session: Session, before: AnsweredBefore, *, user_id: uuid.UUID) -> BindResult:
    row = await repository.find_binding(session, binding_id=before.binding_id)
    if row is None or row.user_id != user_id:
        raise BindingStateInvalid
    return BindResult(service.to_view(row), is_new=False)
