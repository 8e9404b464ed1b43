"""Personal data at rest: a keyed hash to look it up, ciphertext to read it. No row holds the plain value."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from typing import Literal

from shared.sealing import Sealer
from shared.sealing_keys import SealingKeys

DataKind = Literal[
    "openid",
    "phone",
    "log_in_code",
    "totp",
    "data_key",
    "enterprise_contact",
    "member_name",
    "document_key",
    "partner_code",
    "partner_tokens",
    "turns_14",
    "text",
    "household_name",
    "nickname",
    "card_label",
]
TokenPurpose = Literal[
    "log_in", "refresh", "oidc_state", "oidc_nonce", "oidc_verifier", "operator_refresh", "bind_state", "bind_verifier"
]
SIGNING_KEY_PLACE = "signing_key"


class IndexKey:
    """A pepper: the key of look-up hashes, and of tokens that derive from what their owner presents.

    `key_id` names it in the database and reveals nothing of it.
    """

    def __init__(self, pepper: str) -> None:
        self._pepper = pepper.encode()
        self.key_id = hmac.new(self._pepper, b"key-id", hashlib.sha256).hexdigest()[:16]

    def hash(self, kind: DataKind, value: str) -> bytes:
        """Return HMAC-SHA256. Without a key, all eleven digits of a phone number could be tried in seconds."""
        return hmac.new(self._pepper, f"{kind}\x00{value}".encode(), hashlib.sha256).digest()

    def derive_token(self, purpose: TokenPurpose, value: str) -> str:
        """Derive a token from what its owner presents, so that a repeated request gets the same token.

        Nobody can derive it without the key, nor from anything that is stored. `value` must contain a secret.
        """
        derived = hmac.new(self._pepper, f"derive:{purpose}\x00{value}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(derived).decode().rstrip("=")


class Vault:
    """Protects open ids, phone numbers, names that people give, TOTP secrets of operators and keys that sign tokens.

    Kind and user are part of the hash or of the authenticated place. The hash or ciphertext of one kind therefore
    never matches or opens as the other kind, nor one person's ciphertext as another person's. The first byte of a
    ciphertext is the number of its key.
    """

    def __init__(self, *, peppers: Sequence[str], keys: SealingKeys) -> None:
        self.index_keys = tuple(IndexKey(pepper) for pepper in peppers)
        """The newest first. Which of them makes new hashes is in the database: room `lookup_keys`."""
        self.deriving_key = self.index_keys[-1]
        """Makes what lives for minutes: tokens that derive from others, hashes of codes. Readers try every key."""
        self.seal_version = keys.current.version
        self._sealer = Sealer(
            keys.current.key,
            version=bytes([keys.current.version]),
            former=[(bytes([one.version]), one.key) for one in keys.former],
        )

    def hashes(self, kind: DataKind, value: str) -> list[bytes]:
        """Return the hash under each known pepper, for look-ups while two of them live."""
        return [key.hash(kind, value) for key in self.index_keys]

    def seal(self, kind: DataKind, user_id: uuid.UUID, value: str) -> bytes:
        """Seal a value. `user_id` is the user, or the household, stay or card that the value belongs to."""
        return self._sealer.seal(value, _place(kind, user_id))

    def unseal(self, kind: DataKind, user_id: uuid.UUID, sealed: bytes) -> str:
        """Return the plain value. Raises SealBroken if the ciphertext belongs to another place or was changed."""
        return self._sealer.open(sealed, _place(kind, user_id))

    def reseal(self, kind: DataKind, user_id: uuid.UUID, sealed: bytes) -> bytes | None:
        """Return the ciphertext under the current key. None if it is already. Raises SealBroken."""
        return self._sealer.reseal(sealed, _place(kind, user_id))

    def seal_signing_key(self, key_id: str, pem: str) -> bytes:
        return self._sealer.seal(pem, f"{SIGNING_KEY_PLACE}:{key_id}")

    def unseal_signing_key(self, key_id: str, sealed: bytes) -> str:
        """Raises SealBroken."""
        return self._sealer.open(sealed, f"{SIGNING_KEY_PLACE}:{key_id}")

    def reseal_signing_key(self, key_id: str, sealed: bytes) -> bytes | None:
        """Raises SealBroken."""
        return self._sealer.reseal(sealed, f"{SIGNING_KEY_PLACE}:{key_id}")


def _place(kind: DataKind, user_id: uuid.UUID) -> str:
    return f"{kind}:{user_id}"
