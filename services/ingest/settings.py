"""The only reader of INGEST_* in the environment."""

import base64
import binascii
from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.production import Given
from shared.seals.settings import SealSettings

_KEY_BYTES = 32
_PEPPER_CHARS_MIN = 16


class Settings(SealSettings):
    model_config = SettingsConfigDict(env_prefix="INGEST_")

    account_ref_pepper: SecretStr = Field(
        min_length=_PEPPER_CHARS_MIN,
        description="keys the hashes of account references on topics; accounts has the same value",
    )
    key_encryption_key: SecretStr = Field(
        description="32 bytes, base64: AES-256-GCM of partners' secrets at rest, e.g. from `openssl rand -base64 32`"
    )

    archive_months_kept: int = Field(
        61, ge=1, le=240, description="raw records behind issued reductions are kept five years and the running month"
    )
    webhook_allow_loopback: bool = Field(
        False, description="development only: webhooks may call http and https addresses of this machine"
    )

    import_lines_per_s: int = Field(
        5_000,
        ge=10,
        le=1_000_000,
        description="below the rate that accounting posts, so that live events do not wait behind a file",
    )

    @field_validator("key_encryption_key")
    @classmethod
    def _key(cls, value: SecretStr) -> SecretStr:
        decode_key(value.get_secret_value())
        return value

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_strong("account_ref_pepper", "key_encryption_key")
        given.require_different("account_ref_pepper", "key_encryption_key")
        if given.is_on("webhook_allow_loopback"):
            given.refuse(
                "webhook_allow_loopback", "回执可以发往本机地址", "webhooks may call addresses of this machine"
            )

    @property
    def sealing_key(self) -> bytes:
        return decode_key(self.key_encryption_key.get_secret_value())


def decode_key(text: str) -> bytes:
    """32 bytes from base64. Raises ValueError."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
    if len(key) != _KEY_BYTES:
        raise ValueError(f"must be {_KEY_BYTES} bytes")
    return key


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


CurrentSettings = Annotated[Settings, Depends(_settings)]
