"""The only reader of INGEST_* in the environment."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from shared.production import Given
from shared.sealing import Sealer
from shared.sealing_keys import FIRST_VERSION, SealingKey, SealingKeys, parse_key, parse_keys
from shared.seals.settings import SealSettings

_PEPPER_CHARS_MIN = 16


class Settings(SealSettings):
    model_config = SettingsConfigDict(env_prefix="INGEST_")

    account_ref_pepper: SecretStr = Field(
        min_length=_PEPPER_CHARS_MIN,
        description="keys the hashes of account references on topics; accounts has the same value",
    )
    key_encryption_key: SecretStr = Field(
        description="32 bytes, base64: AES-256-GCM of partners' secrets at rest, e.g. from `openssl rand -base64 32`;"
        " after a rotation `2:…`"
    )
    key_encryption_keys_former: SecretStr = Field(
        SecretStr(""), description="further keys that open, with commas between them"
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
        parse_key(value.get_secret_value())
        return value

    @field_validator("key_encryption_keys_former")
    @classmethod
    def _former_keys(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if current := info.data.get("key_encryption_key"):
            parse_keys(current.get_secret_value(), value.get_secret_value())
        return value

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_strong("account_ref_pepper")
        given.require_strong_list("key_encryption_key", "key_encryption_keys_former")
        given.require_new("key_encryption_key", "key_encryption_keys_former")
        given.require_different("account_ref_pepper", "key_encryption_key")
        if given.is_on("webhook_allow_loopback"):
            given.refuse(
                "webhook_allow_loopback", "回执可以发往本机地址", "webhooks may call addresses of this machine"
            )

    @property
    def sealing_keys(self) -> SealingKeys:
        """Raises ValueError."""
        return parse_keys(
            self.key_encryption_key.get_secret_value(), self.key_encryption_keys_former.get_secret_value()
        )


def sealer_of(keys: SealingKeys) -> Sealer:
    """The sealer of partners' secrets. What the first key sealed has no version byte."""
    return Sealer(
        keys.current.key,
        version=_mark(keys.current),
        former=[(_mark(one), one.key) for one in keys.former],
    )


def _mark(key: SealingKey) -> bytes:
    return b"" if key.version == FIRST_VERSION else bytes([key.version])


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


CurrentSettings = Annotated[Settings, Depends(_settings)]
