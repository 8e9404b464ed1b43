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

# A person who opens the mini-program once a month need not log in again. wx.login needs no interaction anyway.
REFRESH_LIFE = timedelta(days=30)
# A session ends here even if it is refreshed. The citizen then needs a new WeChat code.
SESSION_LIFE = timedelta(days=180)
# Phone, tablet, a replaced phone. More sessions at once indicate leaked tokens, or only fill the table.
SESSIONS_PER_USER_MAX = 10
_TOKEN_BYTES = 32
_TOKEN_PREFIX = "cir_"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token with its life in seconds, and the refresh token that replaces both once."""

    user_id: uuid.UUID
    access_token: str
    expires_in_s: int
    refresh_token: str


async def log_in(session: Session, *, vault: Vault, signer: TokenSigner, openid: str) -> Tokens:
    """Start a session for the user of an open id that WeChat has just confirmed. Ends the oldest above the limit."""
    user_id = await users.find_or_create(session, vault=vault, openid=openid)
    at = clock.now()
    row = LoginSession(session_id=new_id(), user_id=user_id, created_at=at, expires_at=at + SESSION_LIFE)
    refresh_token, token_row = _new_refresh_token(row, sequence=1, at=at)
    await repository.add_session(session, row, token_row)
    await repository.revoke_oldest(session, user_id=user_id, keep=SESSIONS_PER_USER_MAX, reason="too_many", at=at)
    return _tokens(signer, row, 1, refresh_token, at)


async def refresh_tokens(session: Session, *, signer: TokenSigner, refresh_token: str) -> Tokens | RefreshTokenInvalid:
    """Exchange an unused refresh token for new tokens.

    A refusal is returned, not raised. Reuse revokes the token family, and the caller must commit that before the 401.
    """
    found = await repository.lock_token(session, token_sha256=_digest(refresh_token))
    if found is None:
        return RefreshTokenInvalid()
    token, login = found
    at = clock.now()
    if login.revoked_at is not None or login.expires_at <= at:
        return RefreshTokenInvalid()
    if token.used_at is not None:
        login.revoked_at, login.revoked_reason = at, "refresh_token_reused"
        _log.warning("refresh_token_reused", session_id=str(login.session_id), user_id=str(login.user_id))
        return RefreshTokenReused()
    if token.expires_at <= at:
        return RefreshTokenInvalid()
    token.used_at = at
    sequence = token.sequence + 1
    successor, successor_row = _new_refresh_token(login, sequence=sequence, at=at)
    await repository.add_token(session, successor_row)
    return _tokens(signer, login, sequence, successor, at)


async def log_out(session: Session, *, user_id: uuid.UUID, token_id: str) -> None:
    """Revoke the session of an access token. Does nothing if the session has ended."""
    session_id = _session_of(token_id)
    if session_id is not None:
        await repository.revoke_session(
            session, session_id=session_id, user_id=user_id, reason="logged_out", at=clock.now()
        )


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Delete expired tokens and sessions, at most `at_most` of each."""
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
    # The token id contains the session and the rotation. Log-out finds the session without another claim.
    token_id = f"{row.session_id}.{sequence}"
    access_token = signer.issue_token(user_id=row.user_id, token_id=token_id, issued_at=at)
    return Tokens(row.user_id, access_token, ACCESS_LIFE_S, refresh_token)


def _session_of(token_id: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(token_id.partition(".")[0])
    except ValueError:
        return None


def _digest(refresh_token: str) -> bytes:
    """SHA-256. A slow hash is not needed: 256 random bits cannot be guessed."""
    return hashlib.sha256(refresh_token.encode()).digest()
