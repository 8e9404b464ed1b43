"""The settings of the service, read from REWARDS_* variables."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from shared.production import Given
from shared.sealing_keys import SealingKeys, parse_key, parse_keys
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="REWARDS_", frozen=True, extra="ignore", hide_input_in_errors=True)

    service_key: SecretStr = Field(description="Ed25519 private key, PEM; signs the calls to accounting")
    accounting_base_url: str = Field(description="the accounting service, e.g. http://127.0.0.1:8103")
    accounts_base_url: str = Field(
        "", description="the accounts service, which knows whether a session lives; empty: the host of jwks_url"
    )
    public_base_url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^/?#\s]+/?$",
        max_length=200,
        description="where citizens reach the gateway; the QR codes of certificates lead there",
    )
    voucher_key: SecretStr = Field(
        description="32 random bytes in base64: seals voucher codes, which are lost without it; later `2:…`"
    )
    voucher_keys_former: SecretStr = Field(
        SecretStr(""), description="further keys that open, with commas between them, until `keys seal` has finished"
    )

    reconciliation_in_flight_s: int = Field(
        900,
        ge=0,
        le=86_400,
        description="orders and donations that moved later than this are left to the next reconciliation; longer than"
        " the life of a hold, so that each older one has ended on both sides",
    )

    market_fen_per_tonne: int = Field(
        4_350, ge=0, le=10**9, description="what a tonne brings in a sale, for the forecast; a deal of 2024: 43.50 yuan"
    )
    reward_fen_per_tonne: int = Field(
        200_000, ge=0, le=10**9, description="what a tonne takes from budgets, for the forecast; about 2,000 yuan"
    )

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_strong_list("voucher_key", "voucher_keys_former")
        given.require_new("voucher_key", "voucher_keys_former")
        given.require_inside("accounting_base_url", "accounts_base_url")
        given.require_https("public_base_url")

    @property
    def accounts_url(self) -> str:
        parts = urlsplit(self.jwks_url)
        return self.accounts_base_url or f"{parts.scheme}://{parts.netloc}"

    @field_validator("voucher_key")
    @classmethod
    def _key(cls, value: SecretStr) -> SecretStr:
        parse_key(value.get_secret_value())
        return value

    @field_validator("voucher_keys_former")
    @classmethod
    def _former_keys(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if current := info.data.get("voucher_key"):
            parse_keys(current.get_secret_value(), value.get_secret_value())
        return value

    @property
    def voucher_keys(self) -> SealingKeys:
        """Raises ValueError."""
        return parse_keys(self.voucher_key.get_secret_value(), self.voucher_keys_former.get_secret_value())

    @property
    def voucher_key_bytes(self) -> bytes:
        return self.voucher_keys.current.key
