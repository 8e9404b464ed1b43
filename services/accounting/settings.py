"""The only reader of ACCOUNTING_* variables."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from services.accounting.digest_signer import DigestSigner
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ACCOUNTING_", frozen=True, extra="ignore", hide_input_in_errors=True)

    digest_signing_key: SecretStr | None = Field(
        None, description="Ed25519 private key, PEM: signs the daily digests; without it they are chained but unsigned"
    )
    digest_delay_s: int = Field(
        300,
        ge=60,
        le=86_400,
        description="a day is sealed this long after midnight: a transaction of ours lives for seconds (30 s a"
        " statement, 15 s idle), the rest is room for clocks; one still open then delays the seal by itself",
    )
    posting_lanes: int = Field(
        2,
        ge=1,
        le=8,
        description="transactions of one worker side by side: one uses the processor while another waits for the"
        " database; more than two gain nothing, for one process has one core",
    )
    grams_valid_years: int = Field(
        10,
        ge=0,
        le=50,
        description="grams expire at the end of the calendar year this many years after the one they became available"
        " in; 0: never. Ten is the longest life a published rule of the field allows (Shenzhen: at most ten years);"
        " none was found for Wuhan",
    )

    @field_validator("digest_signing_key")
    @classmethod
    def _usable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        try:
            DigestSigner(value.get_secret_value())
        except (ValueError, TypeError) as exc:
            raise ValueError("not an Ed25519 private key in PEM form") from exc
        return value

    @property
    def digest_signer(self) -> DigestSigner | None:
        return DigestSigner(self.digest_signing_key.get_secret_value()) if self.digest_signing_key else None
