"""Log-in, rotation of refresh tokens, log-out."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.accounts.lookup_keys import service as lookup_keys
from services.accounts.sessions import repository
from services.accounts.sessions.domain import Device
from services.accounts.sessions.errors import (
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionNotFound,
    StepUpRequired,
)
from services.accounts.sessions.models import LoginSession, RefreshToken
from services.accounts.signing import ACCESS_LIFE_S, TokenSigner
from services.accounts.users import service as users
from services.accounts.vault import IndexKey, Vault
from shared import clock
from shared.db import Session
from shared.ids import new_id
from shared.live_sessions import SessionEnded

# A person who opens the mini-program once a month need not log in again. wx.login needs no interaction anyway.
REFRESH_LIFE = timedelta(days=30)
# A session ends here even if it is refreshed. The citizen then needs a new WeChat code.
SESSION_LIFE = timedelta(days=180)
# Phone, tablet, a replaced phone. More sessions at once indicate leaked tokens, or only fill the table.
SESSIONS_PER_USER_MAX = 10
# The answer to a request may be lost, and a mini-program may send five at once. The same request is answered with the
# same tokens for so long. Afterwards a repetition is a theft.
REPEATED_FOR = timedelta(seconds=60)
# Long enough to read a page and press a button, too short for a phone that lies about.
STEP_UP_LIFE = timedelta(minutes=5)
_PREFIX = "cir_"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token with its life in seconds, and the refresh token that replaces both once."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    access_token: str
    expires_in_s: int
    refresh_token: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """A live session as its person may see it. `refreshed_at`: when its tokens were last exchanged."""

    session_id: uuid.UUID
    device: Device
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    is_current: bool


async def log_in(
    session: Session, *, vault: Vault, signer: TokenSigner, openid: str, code: str, device: Device = Device.OTHER
) -> Tokens:
    """Start a session for the user of an open id that WeChat has just confirmed. Ends the oldest above the limit.

    The first refresh token derives from the code, so that `answer_again` can repeat it.
    """
    user_id = await users.find_or_create(session, vault=vault, openid=openid)
    at = clock.now()
    row = LoginSession(session_id=new_id(), user_id=user_id, created_at=at, expires_at=at + SESSION_LIFE, device=device)
    refresh_token = _first_token(vault.deriving_key, row.session_id, code)
    token_row = _token_row(row, refresh_token, sequence=1, at=at)
    await repository.add_session(session, row, token_row)
    await repository.revoke_oldest(session, user_id=user_id, keep=SESSIONS_PER_USER_MAX, reason="too_many", at=at)
    return _tokens(signer, row, 1, refresh_token, at)


async def answer_again(
    session: Session, *, vault: Vault, signer: TokenSigner, session_id: uuid.UUID, code: str
) -> Tokens | None:
    """Return the tokens of a log-in once more. None if it is too long ago, was used since, or has ended."""
    # A change of the pepper since then does not lose the answer.
    candidates = [_first_token(key, session_id, code) for key in vault.index_keys]
    given = await _find_given(session, candidates)
    if given is None:
        return None
    refresh_token, token, login = given
    if login.revoked_at is not None or token.used_at is not None or clock.now() - login.created_at > REPEATED_FOR:
        return None
    return _tokens(signer, login, 1, refresh_token, login.created_at)


async def refresh_tokens(
    session: Session, *, vault: Vault, signer: TokenSigner, refresh_token: str
) -> Tokens | RefreshTokenInvalid:
    """Exchange a refresh token for new tokens. For REPEATED_FOR the same token gets the same answer.

    A refusal is returned, not raised. Reuse revokes the token family, and the caller must commit that before the 401.
    """
    found = await repository.lock_token(session, token_sha256=_digest(refresh_token))
    if found is None:
        return RefreshTokenInvalid()
    token, login = found
    at = clock.now()
    if login.revoked_at is not None or login.expires_at <= at:
        return RefreshTokenInvalid()
    sequence = token.sequence + 1
    if token.used_at is not None:
        is_repeated = at - token.used_at <= REPEATED_FOR
        # A successor of a version before did not derive from its predecessor and cannot be repeated.
        successors = [_next_token(key, login, token, refresh_token) for key in vault.index_keys]
        given = await _find_given(session, successors) if is_repeated else None
        if given is not None:
            return _tokens(signer, login, sequence, given[0], token.used_at)
        if is_repeated:  # a process without the current pepper cannot tell a repetition from a theft
            await lookup_keys.current_key(session, vault)
        login.revoked_at, login.revoked_reason = at, "refresh_token_reused"
        _log.warning("refresh_token_reused", session_id=str(login.session_id), user_id=str(login.user_id))
        return RefreshTokenReused()
    if token.expires_at <= at:
        return RefreshTokenInvalid()
    successor = _next_token(vault.deriving_key, login, token, refresh_token)
    token.used_at = login.refreshed_at = at
    await repository.add_token(session, _token_row(login, successor, sequence=sequence, at=at))
    return _tokens(signer, login, sequence, successor, at)


async def log_out(session: Session, *, user_id: uuid.UUID, token_id: str) -> None:
    """Revoke the session of an access token. Does nothing if the session has ended."""
    session_id = session_of(token_id)
    if session_id is not None:
        await repository.revoke_session(
            session, session_id=session_id, user_id=user_id, reason="logged_out", at=clock.now()
        )


async def end_for_good(session: Session, *, user_id: uuid.UUID, reason: str) -> None:
    """End all sessions of a user who will not log in again. The caller holds the user's lock."""
    await repository.revoke_all(session, user_id=user_id, keep=None, reason=reason, at=clock.now())


async def list_page(
    session: Session, *, user_id: uuid.UUID, token_id: str, before: uuid.UUID | None, limit: int
) -> Sequence[SessionView]:
    """List live sessions that are older than `before`, newest first. The one of `token_id` is marked."""
    current = session_of(token_id)
    rows = await repository.list_live(session, user_id=user_id, before=before, limit=limit, at=clock.now())
    return [
        SessionView(
            session_id=row.session_id,
            device=Device(row.device or Device.OTHER),
            created_at=row.created_at,
            refreshed_at=row.refreshed_at or row.created_at,
            expires_at=row.expires_at,
            is_current=row.session_id == current,
        )
        for row in rows
    ]


async def end_one(session: Session, *, user_id: uuid.UUID, token_id: str, session_id: uuid.UUID) -> None:
    """End a session of this person, asked by a live one. One that has ended stays as it is.

    Raises SessionEnded, SessionNotFound.
    """
    await users.lock_user(session, user_id=user_id)
    await require_live(session, user_id=user_id, token_id=token_id)
    if not await repository.belongs_to(session, session_id=session_id, user_id=user_id):
        raise SessionNotFound
    await repository.revoke_session(
        session, session_id=session_id, user_id=user_id, reason="ended_by_person", at=clock.now()
    )


async def end_all(session: Session, *, user_id: uuid.UUID, token_id: str, keep_current: bool) -> None:
    """End all sessions of a person, asked by a live one, which may stay. Raises SessionEnded."""
    await users.lock_user(session, user_id=user_id)
    await require_live(session, user_id=user_id, token_id=token_id)
    keep = session_of(token_id) if keep_current else None
    await repository.revoke_all(session, user_id=user_id, keep=keep, reason="ended_by_person", at=clock.now())


async def require_live(session: Session, *, user_id: uuid.UUID, token_id: str) -> None:
    """Require that the session of an access token has not ended. Raises SessionEnded."""
    if not (await check_live(session, [(user_id, token_id)]))[0]:
        raise SessionEnded


async def require_stepped_up(session: Session, *, user_id: uuid.UUID, token_id: str) -> None:
    """Require that the session lives and that its person was confirmed within STEP_UP_LIFE, by the database's clock.

    Raises SessionEnded, StepUpRequired.
    """
    session_id = session_of(token_id)
    confirmed = None
    if session_id is not None:
        confirmed = await repository.stepped_up_at_least_since(
            session, session_id=session_id, user_id=user_id, within=STEP_UP_LIFE
        )
    if confirmed is None:
        raise SessionEnded
    if not confirmed:
        raise StepUpRequired


async def step_up(session: Session, *, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
    """Record that WeChat has just confirmed the person of a session. Raises SessionEnded."""
    if not await repository.mark_stepped_up(session, session_id=session_id, user_id=user_id):
        raise SessionEnded


async def check_live(session: Session, tokens: Sequence[tuple[uuid.UUID, str]]) -> list[bool]:
    """Whether the session of each access token, given as user and token id, has not ended. In the same order."""
    wanted = [(session_of(token_id), user_id) for user_id, token_id in tokens]
    known = [session_id for session_id, _ in wanted if session_id is not None]
    live = await repository.live_sessions(session, known, at=clock.now())
    return [one in live for one in wanted]


async def purge_expired(session: Session, *, at_most: int) -> None:
    """Delete expired tokens and sessions, at most `at_most` of each."""
    await repository.delete_expired(session, before=clock.now(), at_most=at_most)


async def _find_given(session: Session, candidates: Sequence[str]) -> tuple[str, RefreshToken, LoginSession] | None:
    """Return the one of these tokens that was given to somebody, with its row and its session."""
    for plain in candidates:
        found = await repository.find_token(session, token_sha256=_digest(plain))
        if found is not None:
            return plain, *found
    return None


def _first_token(key: IndexKey, session_id: uuid.UUID, code: str) -> str:
    return _PREFIX + key.derive_token("log_in", f"{session_id}:{code}")


def _next_token(key: IndexKey, login: LoginSession, token: RefreshToken, refresh_token: str) -> str:
    return _PREFIX + key.derive_token("refresh", f"{login.session_id}:{token.sequence}:{refresh_token}")


def _token_row(row: LoginSession, plain: str, *, sequence: int, at: datetime) -> RefreshToken:
    return RefreshToken(
        token_sha256=_digest(plain),
        session_id=row.session_id,
        sequence=sequence,
        created_at=at,
        expires_at=min(at + REFRESH_LIFE, row.expires_at),
    )


def _tokens(signer: TokenSigner, row: LoginSession, sequence: int, refresh_token: str, at: datetime) -> Tokens:
    # The token id contains the session and the rotation. Log-out finds the session without another claim.
    token_id = f"{row.session_id}.{sequence}"
    access_token = signer.issue_token(user_id=row.user_id, token_id=token_id, issued_at=at)
    left_s = ACCESS_LIFE_S - max(0, int((clock.now() - at).total_seconds()))
    return Tokens(row.user_id, row.session_id, access_token, left_s, refresh_token)


def session_of(token_id: str) -> uuid.UUID | None:
    """Return the session of an access token by the claim `jti`. None for a token of no log-in."""
    try:
        return uuid.UUID(token_id.partition(".")[0])
    except ValueError:
        return None


def _digest(refresh_token: str) -> bytes:
    """SHA-256. A slow hash is not needed: 256 bits of a keyed hash cannot be guessed."""
    return hashlib.sha256(refresh_token.encode()).digest()
