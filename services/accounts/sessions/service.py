"""Log-in, rotation of refresh tokens, log-out."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.accounts.sessions import repository
from services.accounts.sessions.errors import RefreshTokenInvalid, RefreshTokenReused
from services.accounts.sessions.models import LoginSession, RefreshToken
from services.accounts.signing import ACCESS_LIFE_S, TokenSigner
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.db import Session
from shared.ids import new_id

# Somebody who opens the mini-program once a month need not log in again; wx.login is silent anyway.
REFRESH_LIFE = timedelta(days=30)
# However often it is refreshed, a session ends here and the citizen proves to be there with a new WeChat code.
SESSION_LIFE = timedelta(days=180)
# Phone, tablet, a replaced phone: more at once is a leak of rows, or of tokens.
SESSIONS_PER_USER_MAX = 10
_TOKEN_BYTES = 32
_TOKEN_PREFIX = "cir_"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    user_id: uuid.UUID
    access_token: str
    expires_in_s: int
    refresh_token: str


async def log_in(session: Session, *, vault: Vault, signer: TokenSigner, openid: str) -> Tokens:
    """A new session for the user of an open id that WeChat has just confirmed."""
    user_id = await users.find_or_create(session, vault=vault, openid=openid)
    at = clock.now()
    row = LoginSession(session_id=new_id(), user_id=user_id, created_at=at, expires_at=at + SESSION_LIFE)
    refresh_token, token_row = _new_refresh_token(row, sequence=1, at=at)
    await repository.add(session, row, token_row)
    await repository.revoke_oldest(session, user_id=user_id, keep=SESSIONS_PER_USER_MAX, reason="too_many", at=at)
    return _tokens(signer, row, 1, refresh_token, at)


async def refresh_tokens(session: Session, *, signer: TokenSigner, refresh_token: str) -> Tokens | RefreshTokenInvalid:
    """New tokens for one that was not used yet.

    A refusal is returned, not raised: reuse revokes the family, and that must be committed although the answer is 401.
    """
    found = await repository.locked(session, token_sha256=_digest(refresh_token))
    if found is None:
        return RefreshTokenInvalid()
    token, row = found
    at = clock.now()
    if row.revoked_at is not None or row.expires_at <= at:
        return RefreshTokenInvalid()
    if token.used_at is not None:
        row.revoked_at, row.revoked_reason = at, "refresh_token_reused"
        _log.warning("refresh_token_reused", session_id=str(row.session_id), user_id=str(row.user_id))
        return RefreshTokenReused()
    if token.expires_at <= at:
        return RefreshTokenInvalid()
    token.used_at = at
    sequence = token.sequence + 1
    successor, successor_row = _new_refresh_token(row, sequence=sequence, at=at)
    await repository.add_token(session, successor_row)
    return _tokens(signer, row, sequence, successor, at)


async def log_out(session: Session, *, user_id: uuid.UUID, token_id: str) -> None:
    """Ends the session an access token belongs to; nothing happens when it has ended already."""
    session_id = _session_of(token_id)
    if session_id is not None:
        await repository.revoke(session, session_id=session_id, user_id=user_id, reason="logged_out", at=clock.now())


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Removes tokens and sessions that could not be used any more."""
    await repository.delete_expired(session, before=clock.now(), at_most=at_most)


def _new_refresh_token(row: LoginSession, *, sequence: int, at: datetime) -> tuple[str, RefreshToken]:
    plain = _TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    token = RefreshToken(
        token_sha256=_digest(plain),
        session_id=row.session_id,
        sequence=sequence,
        created_at=at,
        expires_at=min(at + REFRESH_LIFE, row.expires_at),
    )
    return plain, token


def _tokens(signer: TokenSigner, row: LoginSession, sequence: int, refresh_token: str, at: datetime) -> Tokens:
    # The token id names the session and the rotation, so that log-out finds the session without another claim.
    token_id = f"{row.session_id}.{sequence}"
    access_token = signer.issue_token(user_id=row.user_id, token_id=token_id, issued_at=at)
    return Tokens(row.user_id, access_token, ACCESS_LIFE_S, refresh_token)


def _session_of(token_id: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(token_id.partition(".")[0])
    except ValueError:
        return None


def _digest(refresh_token: str) -> bytes:
    """256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(refresh_token.encode()).digest()
