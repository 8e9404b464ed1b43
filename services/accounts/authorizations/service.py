"""Confirmations at the partner: a signed state for one exchange, and the grants that end with their bindings.

A state is bound to person, session and partner by its signature, and used once by its row. The PKCE verifier derives
from the state and our key, so it stands nowhere. No database connection waits for a partner: claim, exchange, keeping
the grant and the binding are four steps, each of which may be the last.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.accounts.authorizations import domain, repository
from services.accounts.authorizations.errors import BindingStateInvalid, PartnerIssuerMismatch
from services.accounts.authorizations.models import BindingAuthorization, PartnerGrant
from services.accounts.partners.domain import OauthConfig, Partner
from services.accounts.partners.oauth import PartnerOauth, authorization_url
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.vault import Vault
from shared import clock
from shared.db import Database, Session
from shared.ids import new_id

STATE_LIFE = timedelta(minutes=10)
# A person confirms a partner once in years. More come from a script.
AUTHORIZATIONS_QUOTA = Quota("binding_authorization", at_most=20, window_s=3_600)
_NONCE_BYTES = 18
# For this long a used state still answers the repeated request of a phone that lost our answer.
_STATE_KEPT = timedelta(days=1)
# A grant whose binding has not come within this time is revoked: the binding was refused, or we crashed.
_GRANT_WAITS = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Started:
    authorization_url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Bearer:
    """The bearer of a state: the person, and the session of the access token."""

    user_id: uuid.UUID
    token_id: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the partner confirmed. `grant_id` is None if no token is kept."""

    state_sha256: bytes
    open_id: str = field(repr=False)
    grant_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class AnsweredBefore:
    """The same request was handled before. This binding came of it."""

    binding_id: uuid.UUID


async def start(session: Session, *, vault: Vault, bearer: Bearer, partner: Partner, config: OauthConfig) -> Started:
    """Open a confirmation. The caller holds the user's lock. Raises QuotaExceeded."""
    await quotas.count_use(session, user_id=bearer.user_id, quota=AUTHORIZATIONS_QUOTA)
    nonce = secrets.token_urlsafe(_NONCE_BYTES)
    state = domain.join_state(nonce, _signature(vault, nonce, bearer, partner.partner_id))
    now = clock.now()
    row = BindingAuthorization(
        state_sha256=_digest(state),
        user_id=bearer.user_id,
        partner_id=partner.partner_id,
        created_at=now,
        expires_at=now + STATE_LIFE,
    )
    await repository.add_authorization(session, row)
    url = authorization_url(config, state=state, verifier=_verifier(vault, state))
    return Started(url, row.expires_at)


async def confirm(
    database: Database,
    *,
    vault: Vault,
    oauth: PartnerOauth,
    bearer: Bearer,
    partner: Partner,
    state: str,
    code: str,
    issuer: str | None,
) -> Confirmed | AnsweredBefore:
    """Use a state once and exchange its code. Each step commits by itself. After a failure the state stays used.

    Raises BindingStateInvalid, PartnerIssuerMismatch, PartnerCodeInvalid, PartnerUnavailable.
    """
    config = partner.oauth
    assert config is not None  # require_mode refuses oauth without a configuration
    parts = domain.split_state(state)
    if parts is None or not domain.is_signature(parts[1], _signature(vault, parts[0], bearer, partner.partner_id)):
        raise BindingStateInvalid
    state_sha256, code_hash = _digest(state), vault.deriving_key.hash("partner_code", code)
    async with database.transaction() as session:
        claimed = await repository.claim(session, state_sha256=state_sha256, code_hash=code_hash, at=clock.now())
        if claimed is None:
            return await _answer_before(session, state_sha256, code_hash)
    if config.issuer is not None and issuer != config.issuer:
        raise PartnerIssuerMismatch
    grant = await oauth.exchange_code(
        config, partner_id=partner.partner_id, code=code, verifier=_verifier(vault, state)
    )
    grant_id = None
    if grant.tokens and config.revocation_url is not None:
        grant_id = new_id()
        sealed = vault.seal("partner_tokens", bearer.user_id, json.dumps(dict(grant.tokens)))
        now = clock.now()
        async with database.transaction() as session:
            row = PartnerGrant(
                grant_id=grant_id,
                user_id=bearer.user_id,
                partner_id=partner.partner_id,
                tokens_sealed=sealed,
                created_at=now,
                revoke_at=now + _GRANT_WAITS,
                attempts=0,
            )
            await repository.add_grant(session, row)
    return Confirmed(state_sha256, grant.open_id, grant_id)


async def _answer_before(session: Session, state_sha256: bytes, code_hash: bytes) -> AnsweredBefore:
    """Return what came of the same state with the same code. Raises BindingStateInvalid."""
    row = await repository.find_authorization(session, state_sha256=state_sha256)
    if row is None or row.binding_id is None or row.code_hash != code_hash:
        raise BindingStateInvalid
    return AnsweredBefore(row.binding_id)


async def attach(session: Session, confirmed: Confirmed, *, binding_id: uuid.UUID) -> None:
    """Note the binding that came of a confirmation. Tokens of an earlier confirmation of the same binding end."""
    await repository.set_binding(session, state_sha256=confirmed.state_sha256, binding_id=binding_id)
    if confirmed.grant_id is not None:
        await repository.give_to_binding(session, grant_id=confirmed.grant_id, binding_id=binding_id)
        await repository.end_grants(session, binding_ids=[binding_id], besides=confirmed.grant_id, at=clock.now())


async def end_grants(session: Session, *, binding_ids: Collection[uuid.UUID]) -> None:
    """Let the worker revoke the tokens of ended bindings."""
    if binding_ids:
        await repository.end_grants(session, binding_ids=binding_ids, besides=None, at=clock.now())


async def move_grants(session: Session, *, former: uuid.UUID, successor: uuid.UUID) -> None:
    """Let the tokens of a binding live as long as its successor."""
    await repository.move_grants(session, former=former, successor=successor)


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Delete the states of a person. The tokens stay sealed until the partner has revoked them, then go."""
    await repository.delete_authorizations(session, user_id=user_id)
    await repository.end_grants_of_user(session, user_id=user_id, at=clock.now())


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Delete states that can no longer be used or repeated, at most `at_most`."""
    await repository.delete_expired(session, before=clock.now() - _STATE_KEPT, at_most=at_most)


def _signature(vault: Vault, nonce: str, bearer: Bearer, partner_id: str) -> str:
    session_id = domain.session_of(bearer.token_id)
    text = domain.signed_text(nonce, user_id=str(bearer.user_id), session_id=session_id, partner_id=partner_id)
    return vault.deriving_key.derive_token("bind_state", text)


def _verifier(vault: Vault, state: str) -> str:
    """43 characters, as RFC 7636 4.1 asks."""
    return vault.deriving_key.derive_token("bind_verifier", state)


def _digest(state: str) -> bytes:
    """SHA-256. A slow hash is not needed: the state holds 144 random bits."""
    return hashlib.sha256(state.encode()).digest()
