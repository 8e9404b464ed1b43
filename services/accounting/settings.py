"""The only reader of ACCOUNTING_* variables."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.production import Given
from shared.seals.settings import SealSettings


class Settings(SealSettings):
    model_config = SettingsConfigDict(env_prefix="ACCOUNTING_", frozen=True, extra="ignore", hide_input_in_errors=True)

    service_key: SecretStr = Field(description="Ed25519 private key, PEM; signs the calls to accounts")
    accounts_base_url: str = Field(
        "", description="the accounts service, which knows whether a session lives; empty: the host of jwks_url"
    )
    posting_lanes: int = Field(
        2,
        ge=1,
        le=8,
        description="Concurrent transactions of one worker: one uses the processor while another waits for the"
        " database. More than two gain nothing, because one process uses one core.",
    )
    correction_days: int = Field(
        30,
        ge=1,
        le=3660,
        description="A partner may correct an act until this many days after its first report was received. A month"
        " covers a monthly settlement between partners. Cancelling has no deadline: what did not happen earns nothing.",
    )
    grams_valid_years: int = Field(
        10,
        ge=0,
        le=50,
        description="Grams expire at the end of the calendar year this many years after the year in which they became"
        " available. 0: never. Ten years is the longest life in a published rule (Shenzhen: at most ten years). No rule"
        " was found for Wuhan.",
    )

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_inside("accounts_base_url")

    @property
    def accounts_url(self) -> str:
        parts = urlsplit(self.jwks_url)
        return self.accounts_base_url or f"{parts.scheme}://{parts.netloc}"
