"""Settings of a service that seals its days."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from shared.production import Given
from shared.seals.signer import DigestSigner
from shared.settings import ServiceSettings


class SealSettings(ServiceSettings):
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

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_signing_key("digest_signing_key")
        if not given.text("digest_signing_key").strip():
            given.refuse("digest_signing_key", "每日摘要没有签名", "the daily digests are not signed")
        # The topic is a copy too, unless it lies in the same database.
        if not given.text("digest_file") and given.text("event_log_url").startswith("postgres"):
            given.refuse("digest_file", "摘要没有数据库之外的副本", "no copy of the digests outside the database")

    @property
    def digest_signer(self) -> DigestSigner | None:
        return DigestSigner(self.digest_signing_key.get_secret_value()) if self.digest_signing_key else None
