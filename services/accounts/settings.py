"""Settings of the accounts service, read from ACCOUNTS_* in the environment and nowhere else."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, unescape_pem

_KEY_BYTES = 32
_PEPPER_CHARS_MIN = 16


def decode_key(text: str) -> bytes:
    """Decode 32 bytes from base64 (either alphabet) or 64 hexadecimal digits. Raises ValueError."""
    try:
        if len(text) == 2 * _KEY_BYTES:
            return bytes.fromhex(text)
        key = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as exc:
        raise ValueError("neither base64 nor hexadecimal") from exc
    if len(key) != _KEY_BYTES:
        raise ValueError(f"must be {_KEY_BYTES} bytes")
    return key


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ACCOUNTS_")

    wechat_base_url: str = "https://api.weixin.qq.com"
    wechat_app_id: str = Field(min_length=1, max_length=64)
    wechat_app_secret: SecretStr = Field(min_length=1)

    token_signing_key: SecretStr = Field(description="Ed25519 private key, PEM; signs citizens' access tokens")
    token_published_keys: str = Field(
        "", description="further Ed25519 public keys, PEM one after another: the previous key during a rotation"
    )

    phone_pepper: SecretStr = Field(
        min_length=_PEPPER_CHARS_MIN, description="keys the look-up index of phone numbers and open ids"
    )
    phone_encryption_key: SecretStr = Field(
        description="32 bytes, base64 or hex: AES-256-GCM of phone numbers and open ids"
    )
    account_ref_pepper: SecretStr = Field(
        min_length=_PEPPER_CHARS_MIN, description="keys partner references on topics; ingest has the same value"
    )
    service_key: SecretStr = Field(description="Ed25519 private key, PEM; signs the calls to ingest and accounting")
    ingest_base_url: str = Field(description="where the partner registry answers, e.g. http://127.0.0.1:8102")
    accounting_base_url: str = Field(
        "", description="where accounting answers whether an account is frozen; empty: /me does not say it"
    )

    account_no_prefix: str = Field("WH", pattern=r"^[A-Z]{2}$", description="begins every account number of this city")

    @field_validator("token_signing_key")
    @classmethod
    def _ed25519(cls, value: SecretStr) -> SecretStr:
        pem = unescape_pem(value.get_secret_value())
        if not isinstance(load_pem_private_key(pem.encode(), password=None), Ed25519PrivateKey):
            raise ValueError("must be an Ed25519 private key")  # noqa: TRY004 - pydantic collects ValueError
        return SecretStr(pem)

    @field_validator("token_published_keys")
    @classmethod
    def _published(cls, value: str) -> str:
        pem = unescape_pem(value) if value else ""
        for block in split_pem(pem):
            load_pem_public_key(block.encode())
        return pem

    @field_validator("phone_encryption_key")
    @classmethod
    def _key(cls, value: SecretStr) -> SecretStr:
        decode_key(value.get_secret_value())
        return value


def split_pem(text: str) -> list[str]:
    """Split concatenated public keys into one PEM each."""
    end = "-----END PUBLIC KEY-----"
    return [part.strip() + f"\n{end}\n" for part in text.split(end) if part.strip()]
