"""The only reader of ACCOUNTING_* variables."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from services.accounting.digest_signer import DigestSigner
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ACCOUNTING_", frozen=True, extra="ignore", hide_input_in_errors=True)

    digest_signing_key: SecretStr | None = Field(
        None,
        description="Ed25519 private key, PEM, that signs the daily digests. Without it they are chained but unsigned.",
    )
    digest_file: Path | None = Field(
        None,
        description="File to which the worker appends every sealed digest, one JSON object a line, as on the topic. Put"
        " it on storage that the database's administrators cannot write. Without it no copy is kept in a file.",
    )
    digest_delay_s: int = Field(
        300,
        ge=60,
        le=86_400,
        description="A day is sealed this long after midnight. A transaction of the service lives for seconds (30 s a"
        " statement, 15 s idle). The rest allows for clock differences. An open transaction delays the seal.",
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
