"""The settings of the service, read from REWARDS_* variables."""

import base64
import binascii
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from shared.production import Given
from shared.settings import ServiceSettings

VOUCHER_KEY_BYTES = 32


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REWARDS_", frozen=True, extra="ignore", hide_input_in_errors=True)

    service_key: SecretStr = Field(description="Ed25519 private key, PEM; signs the calls to accounting")
    accounting_base_url: str = Field(description="the accounting service, e.g. http://127.0.0.1:8103")
    accounts_base_url: str = Field(
        "", description="the accounts service, which knows whether a session lives; empty: the host of jwks_url"
    )
    voucher_key: SecretStr = Field(
        description="32 random bytes in base64: seals voucher codes, which are lost without it"
    )

    reconciliation_in_flight_s: int = Field(
        900,
        ge=0,
        le=86_400,
        description="orders and donations that moved later than this are left to the next reconciliation; longer than"
        " the life of a hold, so that each older one has ended on both sides",
    )

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_strong("voucher_key")
        given.require_inside("accounting_base_url", "accounts_base_url")

    @property
    def accounts_url(self) -> str:
        parts = urlsplit(self.jwks_url)
        return self.accounts_base_url or f"{parts.scheme}://{parts.netloc}"

    @field_validator("voucher_key")
    @classmethod
    def _key_length(cls, value: SecretStr) -> SecretStr:
        try:
            raw = base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error as exc:
            raise ValueError("must be base64") from exc
        if len(raw) != VOUCHER_KEY_BYTES:
            raise ValueError(f"must be {VOUCHER_KEY_BYTES} bytes in base64")
        return value

    @property
    def voucher_key_bytes(self) -> bytes:
        return base64.b64decode(self.voucher_key.get_secret_value())
