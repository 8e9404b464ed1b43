"""Rules of states and of the retries of revocations. Pure."""

import hmac
from datetime import timedelta

STATE_CHARS_MAX = 128
_SEPARATOR = "."
# Half a minute, a minute, … twelve hours. Together about two days: longer than a partner's outage.
_RETRY_FIRST_S, _RETRY_MAX_S = 30, 43_200
ATTEMPTS_MAX = 16


def session_of(token_id: str) -> str:
    """Return the session that the id of an access token names. It stays the same when tokens rotate."""
    return token_id.partition(".")[0]


def signed_text(nonce: str, *, user_id: str, session_id: str, partner_id: str) -> str:
    """Return what the signature of a state covers. Its parts cannot contain the separator."""
    return f"{nonce}\n{user_id}\n{session_id}\n{partner_id}"


def join_state(nonce: str, signature: str) -> str:
    return nonce + _SEPARATOR + signature


def split_state(state: str) -> tuple[str, str] | None:
    """Return nonce and signature, or None for another form."""
    nonce, separator, signature = state.partition(_SEPARATOR)
    return (nonce, signature) if separator and nonce and signature else None


def is_signature(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def retry_delay(attempts: int) -> timedelta | None:
    """Return the pause after this many failed attempts, or None when they are used up."""
    if attempts >= ATTEMPTS_MAX:
        return None
    return timedelta(seconds=min(_RETRY_FIRST_S * 2 ** (attempts - 1), _RETRY_MAX_S))
