"""Ed25519 signatures of daily statements. Without a key, days are sealed and chained but unsigned."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


class DigestSigner:
    """Signs statements with an Ed25519 key in PEM. Secret stores often write a line break as `\\n`, which is accepted.

    Raises ValueError or TypeError for a PEM that is no Ed25519 private key.
    """

    def __init__(self, pem: str) -> None:
        key = load_pem_private_key(pem.replace("\\n", "\n").strip().encode() + b"\n", password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("not an Ed25519 private key")
        self._key = key
        self.public_key = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, statement: str) -> str:
        return self._key.sign(statement.encode()).hex()


def signed_by(signer: DigestSigner | None, statement: str) -> tuple[str | None, str | None]:
    """Return public key and signature, both None without a signer."""
    return (signer.public_key, signer.sign(statement)) if signer else (None, None)


def is_signature_valid(statement: str, *, public_key: str, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(signature), statement.encode()
        )
    except (InvalidSignature, ValueError):
        return False
    return True
