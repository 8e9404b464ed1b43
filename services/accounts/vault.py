"""Personal data at rest: a keyed hash to look it up, ciphertext to read it. No row holds the plain value."""

import base64
import hashlib
import hmac
import uuid
from typing import Literal

from shared.sealing import Sealer

DataKind = Literal["openid", "phone", "log_in_code", "totp", "household_name", "nickname", "card_label"]
TokenPurpose = Literal["log_in", "refresh", "oidc_state", "oidc_nonce", "oidc_verifier", "operator_refresh"]

# First byte of every ciphertext. It distinguishes this key from a later one.
_VERSION = b"\x01"


class Vault:
    """Protects open ids, phone numbers, names that members give, and the TOTP secrets of operators.

    Kind and user are part of the hash or of the authenticated place. The hash or ciphertext of one kind therefore
    never matches or opens as the other kind, nor one person's ciphertext as another person's.
    """

    def __init__(self, *, pepper: str, key: bytes) -> None:
        self._pepper = pepper.encode()
        self._sealer = Sealer(key, version=_VERSION)

    def lookup_hash(self, kind: DataKind, value: str) -> bytes:
        """Return HMAC-SHA256. Without a key, all eleven digits of a phone number could be tried in seconds."""
        return hmac.new(self._pepper, f"{kind}\x00{value}".encode(), hashlib.sha256).digest()

    def derive_token(self, purpose: TokenPurpose, value: str) -> str:
        """Derive a token from what its owner presents, so that a repeated request gets the same token.

        Nobody can derive it without the key, nor from anything that is stored. `value` must contain a secret.
        """
        derived = hmac.new(self._pepper, f"derive:{purpose}\x00{value}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(derived).decode().rstrip("=")

    def seal(self, kind: DataKind, user_id: uuid.UUID, value: str) -> bytes:
        """Seal a value. `user_id` is the user, or the household, stay or card that the value belongs to."""
        return self._sealer.seal(value, _place(kind, user_id))

    def unseal(self, kind: DataKind, user_id: uuid.UUID, sealed: bytes) -> str:
        """Return the plain value. Raises SealBroken if the ciphertext belongs to another place or was changed."""
        return self._sealer.open(sealed, _place(kind, user_id))


def _place(kind: DataKind, user_id: uuid.UUID) -> str:
    return f"{kind}:{user_id}"
