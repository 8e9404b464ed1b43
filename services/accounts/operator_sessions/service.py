"""Sessions of operators: log-in, refresh, end, revocation. Each is in the audit log."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.accounts.audit.service import log as audit_log
from services.accounts.identity_provider.client import IdentityProvider
from services.accounts.operator_accounts import domain
from services.accounts.operator_accounts import service as accounts
from services.accounts.operator_accounts.errors import LocalLogInOff, ProviderLogInOff
from services.accounts.operator_accounts.service import OperatorView, Person
from services.accounts.operator_sessions import repository
from services.accounts.operator_sessions.errors import (
    LogInUnknown,
    OperatorNotFound,
    OperatorRefreshInvalid,
    OperatorSessionEnded,
    OperatorSessionNotFound,
)
from services.accounts.operator_sessions.models import OperatorLogIn, OperatorSession
from services.accounts.signing import TokenSigner
from services.accounts.vault import IndexKey, Vault
from shared import clock, telemetry
from shared.db import Database, Session
from shared.errors import AppError
from shared.ids import new_id

SESSION_LIFE = timedelta(hours=8)
# At the provider: password, second factor, perhaps a reset.
LOG_IN_LIFE = timedelta(minutes=10)
# As for citizens: the answer may be lost, or a console asks twice at once.
REPEATED_FOR = timedelta(seconds=60)
# An ended session is kept so long for "who was logged in then". The audit log keeps the rest.
KEPT = timedelta(days=30)
_REFRESH_PREFIX = "cio_"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StartedLogIn:
    """`secret` stays with the console that began the log-in. A stolen code and state are useless without it."""

    authorization_url: str
    state: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OperatorTokens:
    session_id: uuid.UUID
    subject: str
    roles: tuple[str, ...]
    scopes: frozenset[str]
    access_token: str
    expires_in_s: int
    refresh_token: str
    session_expires_at: datetime


async def start_log_in(database: Database, *, vault: Vault, provider: IdentityProvider) -> StartedLogIn:
    """Begin a log-in at the identity provider. Raises ProviderLogInOff, ProviderUnavailable."""
    if not provider.is_configured:
        raise ProviderLogInOff
    secret = secrets.token_urlsafe(32)
    state, nonce, verifier = _derived(vault.deriving_key, secret)
    # No transaction waits for the provider.
    url = await provider.authorization_url(state=state, nonce=nonce, verifier=verifier)
    expires_at = clock.now() + LOG_IN_LIFE
    async with database.transaction() as session:
        await repository.add_log_in(session, OperatorLogIn(state_sha256=_digest(state), expires_at=expires_at))
    return StartedLogIn(url, state, secret, expires_at)


async def finish_log_in(
    database: Database,
    *,
    vault: Vault,
    signer: TokenSigner,
    provider: IdentityProvider,
    roles: dict[str, str],
    secret: str,
    state: str,
    code: str,
    issuer: str | None,
) -> OperatorTokens:
    """Make a session of the provider's answer. Each log-in can be finished once, also if that fails.

    Raises ProviderLogInOff, LogInUnknown, IdentityRefused, ProviderUnavailable, OperatorWithoutRole, OperatorDisabled,
    OperatorElsewhere.
    """
    if not provider.is_configured:
        raise ProviderLogInOff
    candidates = [_derived(key, secret) for key in vault.index_keys]
    fits = (one for one in candidates if hmac.compare_digest(one[0].encode(), state.encode()))
    _, nonce, verifier = next(fits, ("", "", ""))
    if not verifier:
        raise LogInUnknown
    async with database.transaction() as session:
        if not await repository.use_log_in(session, state_sha256=_digest(state), at=clock.now()):
            raise LogInUnknown
    identity = await provider.redeem(code=code, verifier=verifier, nonce=nonce, issuer=issuer)
    async with database.transaction() as session:
        person = await accounts.prove_identity(
            session,
            issuer=provider.issuer,
            subject=identity.subject,
            name=identity.name,
            roles=domain.roles_of(identity.groups, roles),
        )
        return await _open(session, signer=signer, person=person, method="oidc")


async def log_in_locally(
    database: Database,
    *,
    vault: Vault,
    signer: TokenSigner,
    provider: IdentityProvider,
    name: str,
    password: str,
    code: str,
    address: str,
) -> OperatorTokens:
    """Make a session of name, password and one-time code.

    Raises LocalLogInOff, LogInLocked, LogInRefused, OperatorDisabled, OperatorWithoutRole.
    """
    if provider.is_configured:  # else one person could be two, and approve their own proposals
        raise LocalLogInOff
    operator_id = await accounts.prove_local(
        database, vault=vault, name=name, password=password, code=code, address=address
    )
    async with database.transaction() as session:
        person = await accounts.use_code(
            session, vault=vault, operator_id=operator_id, name=name, code=code, address=address
        )
        return await _open(session, signer=signer, person=person, method="local")


async def refresh(
    session: Session, *, vault: Vault, signer: TokenSigner, refresh_token: str
) -> OperatorTokens | AppError:
    """Exchange a refresh token for a new access token and its successor. For REPEATED_FOR the answer is repeated.

    A refusal is returned, not raised: reuse ends the session, and the caller must commit that before the 401.
    """
    presented = _digest(refresh_token)
    row = await repository.lock_by_token(session, token_sha256=presented)
    if row is None:
        return OperatorRefreshInvalid()
    at = clock.now()
    if row.ended_at is not None or row.expires_at <= at:
        return OperatorSessionEnded()
    # Roles that were given meanwhile are in the next token.
    row.roles = list(await accounts.require_active(session, operator_id=row.operator_id))
    value = f"{row.session_id}:{refresh_token}"
    if row.previous_sha256 == presented:
        candidates = [_REFRESH_PREFIX + key.derive_token("operator_refresh", value) for key in vault.index_keys]
        successor = next((one for one in candidates if _digest(one) == row.refresh_sha256), "")
        if at - row.refreshed_at > REPEATED_FOR or not successor:
            await end_session(session, session_id=row.session_id, by=row.subject, reason="refresh token reused")
            return OperatorRefreshInvalid()
    else:
        successor = _REFRESH_PREFIX + vault.deriving_key.derive_token("operator_refresh", value)
        row.previous_sha256, row.refresh_sha256, row.refreshed_at = presented, _digest(successor), at
    return _tokens(signer, row, successor, at)


async def require_live(session: Session, *, session_id: uuid.UUID, subject: str) -> None:
    """Raises OperatorSessionEnded."""
    if not await repository.is_live(session, session_id=session_id, subject=subject, at=clock.now()):
        raise OperatorSessionEnded


async def list_sessions(
    session: Session, *, subject: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[OperatorSession]:
    """Return the live sessions of one operator or of all, the newest first."""
    return await repository.list_live(session, subject=subject, before=before, at=clock.now(), limit=limit)


async def end_session(session: Session, *, session_id: uuid.UUID, by: str, reason: str) -> None:
    """End a session now. Raises OperatorSessionNotFound (it does not exist, or has ended)."""
    ended = await repository.end(session, session_id=session_id, at=clock.now(), by=by, reason=reason)
    if not ended:
        raise OperatorSessionNotFound
    await _record_ends(session, ended, by=by, reason=reason)


async def end_all(session: Session, *, operator_id: uuid.UUID, by: str, reason: str) -> int:
    """End all sessions of an operator. Return how many lived."""
    ended = await repository.end(session, operator_id=operator_id, at=clock.now(), by=by, reason=reason)
    await _record_ends(session, ended, by=by, reason=reason)
    return len(ended)


async def list_operators(session: Session) -> list[OperatorView]:
    """Return all operators by subject."""
    return await accounts.list_operators(session)


async def disable_operator(session: Session, *, subject: str, by: str, reason: str) -> None:
    """Switch an operator off and end all of its sessions. Raises OperatorNotFound."""
    operator_id = await accounts.set_disabled(session, subject=subject, disabled=True)
    if operator_id is None:
        raise OperatorNotFound
    about = f"operator:{subject}"
    await audit_log.record(session, subject=by, action="operator.disable", about=about, reason=reason)
    await end_all(session, operator_id=operator_id, by=by, reason=reason)


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Delete old log-ins and sessions, at most `at_most` of each."""
    at = clock.now()
    await repository.delete_expired(session, log_ins=at, sessions=at - KEPT, at_most=at_most)


async def _record_ends(session: Session, ended: list[tuple[uuid.UUID, str]], *, by: str, reason: str) -> None:
    for session_id, subject in ended:
        _log.info("operator_session_ended", session_id=str(session_id), by_owner=by == subject)
        await audit_log.record(
            session,
            subject=by,
            action="operator_session.end",
            about=f"operator_session:{session_id}",
            reason=reason,
            before={"subject": subject},
        )


async def _open(session: Session, *, signer: TokenSigner, person: Person, method: str) -> OperatorTokens:
    at = clock.now()
    refresh_token = _REFRESH_PREFIX + secrets.token_urlsafe(32)
    row = OperatorSession(
        session_id=new_id(),
        operator_id=person.operator_id,
        subject=person.subject,
        method=method,
        roles=list(person.roles),
        created_at=at,
        expires_at=at + SESSION_LIFE,
        refreshed_at=at,
        refresh_sha256=_digest(refresh_token),
    )
    await repository.add_session(session, row)
    await audit_log.record(
        session,
        subject=person.subject,
        action="operator_session.start",
        about=f"operator_session:{row.session_id}",
        reason=f"log-in: {method}",
        after={"roles": list(person.roles)},
    )
    telemetry.OPERATOR_LOG_INS.labels(outcome="made").inc()
    _log.info("operator_logged_in", session_id=str(row.session_id), method=method)
    return _tokens(signer, row, refresh_token, at)


def _tokens(signer: TokenSigner, row: OperatorSession, refresh_token: str, at: datetime) -> OperatorTokens:
    scopes = domain.scopes_of(row.roles)
    access_token, life_s = signer.issue_operator_token(
        subject=row.subject, scopes=scopes, session_id=row.session_id, issued_at=at, ends_at=row.expires_at
    )
    return OperatorTokens(
        session_id=row.session_id,
        subject=row.subject,
        roles=tuple(row.roles),
        scopes=scopes,
        access_token=access_token,
        expires_in_s=life_s,
        refresh_token=refresh_token,
        session_expires_at=row.expires_at,
    )


def _derived(key: IndexKey, secret: str) -> tuple[str, str, str]:
    """State, nonce and PKCE verifier of a log-in. The state, which an address shows, does not reveal the others."""
    return (
        key.derive_token("oidc_state", secret),
        key.derive_token("oidc_nonce", secret),
        key.derive_token("oidc_verifier", secret),
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
