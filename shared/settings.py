"""Settings common to all services. Each service subclasses them with its environment prefix and adds its own."""

import re
from ipaddress import ip_network
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field, IPvAnyNetwork, ModelWrapValidatorHandler, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.dead_letter_limit import IN_A_ROW_MAX, PERCENT_MAX
from shared.language import Text
from shared.production import PROFILE_VARIABLE, Given, Profile, refuse_unsafe

KIB = 1024
MIB = 1024 * KIB
_PEM_END = "-----END PUBLIC KEY-----"
PRIVATE_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")


def unescape_pem(text: str) -> str:
    """Restore the line ends of a PEM. Most secret stores keep it on one line with `\\n` written out."""
    return text.replace("\\n", "\n").strip() + "\n"


class ServiceSettings(BaseSettings):
    """Read from the environment once at start. A missing or malformed value stops the process and is named.

    With PROFILE=production an unsafe value does as well. The process then names all of them at once.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)

    profile: Profile = Field(
        "development",
        validation_alias=PROFILE_VARIABLE,
        description="production: refuse unsafe settings, and operators' tokens that no log-in made",
    )
    database_url: str = Field(description="postgresql://…, the service's own role: rights on its own schema only")
    event_log_url: str = Field(
        description="postgresql://… for the embedded log, kafka://host:port[,host:port] for Kafka"
    )
    jwks_url: str = Field(description="where the keys of citizens' and operators' tokens are published")
    service_key: SecretStr | None = Field(
        None, description="Ed25519 private key, PEM, that signs this service's calls to other services"
    )
    service_callers: dict[str, str] = Field(
        default_factory=dict,
        description="who may call the internal routes: name of a service → its Ed25519 public key, PEM, as JSON."
        " Several keys one after another while a key is replaced. No entry: every internal call is refused",
    )

    token_issuer: str = "carbon-inclusion"
    token_audience: str = "carbon-api"
    time_zone: str = Field("Asia/Shanghai", description="decides the day and the month of a cap")
    topic_prefix: str = Field("", description="separates programmes that share one Kafka cluster")
    log_level: str = "INFO"

    support_contact_zh: str = Field("政务服务便民热线 12345", max_length=200, description="whom a citizen can ask")
    support_contact_en: str = Field("the citizens' hotline 12345", max_length=200)

    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=tuple(ip_network(text) for text in PRIVATE_NETWORKS),
        description="networks of the gateway: only its header with the client's address is trusted",
    )

    database_pool_size: int = Field(10, ge=1, le=100, description="connections of one process")
    worker_health_port: int = Field(0, ge=0, le=65535, description="0 switches the worker's health server off")
    worker_health_host: str = "127.0.0.1"
    poll_records_max: int = Field(
        2000, ge=1, le=10_000, description="2,000 has 95 % of the rate of 5,000 and half its locks"
    )
    dead_letters_in_a_row_max: int = Field(
        IN_A_ROW_MAX,
        ge=1,
        le=1_000_000,
        description="beyond it a consumer stops; raise it to let known invalid records through",
    )
    dead_letters_percent_max: int = Field(
        PERCENT_MAX, ge=0, le=100, description="of the last 2,000 records; 100 switches this limit off"
    )
    lease_s: int = Field(10, ge=2, le=300, description="a dead worker's partitions are taken over after this long")
    stalled_after_s: int = Field(60, ge=5, le=3600, description="a worker that makes no progress for this long exits")

    @property
    def support_contact(self) -> Text:
        return Text(self.support_contact_zh, self.support_contact_en)

    @field_validator("service_key")
    @classmethod
    def _private_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        pem = unescape_pem(value.get_secret_value())
        if not isinstance(load_pem_private_key(pem.encode(), password=None), Ed25519PrivateKey):
            raise ValueError("must be an Ed25519 private key")  # noqa: TRY004 - pydantic collects ValueError
        return SecretStr(pem)

    @field_validator("service_callers")
    @classmethod
    def _public_keys(cls, value: dict[str, str]) -> dict[str, str]:
        for pem in value.values():
            public_keys(pem)
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_unsafe(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(values, dict):
            return build(values)
        profile = values.get("profile", values.get(PROFILE_VARIABLE, "development"))
        if profile == "development":
            return build(values)
        built: Self = refuse_unsafe(cls.given(values), cls.check_production, lambda: build(values))
        return built

    @classmethod
    def given(cls, values: dict[str, Any]) -> Given:
        defaults = {name: field.default for name, field in cls.model_fields.items() if not field.is_required()}
        return Given(values, defaults, cls.model_config.get("env_prefix") or "")

    @classmethod
    def check_production(cls, given: Given) -> None:
        """Name every setting that is unsafe for citizens. A service extends this with its own."""
        given.require_signing_key("service_key")
        given.require_database("database_url", "ssl")
        given.require_log("event_log_url")
        given.require_inside("jwks_url")
        if any(network.endswith("/0") for network in re.findall(r"[0-9a-fA-F:.]+/\d+", given.text("trusted_proxies"))):
            given.refuse(
                "trusted_proxies", "信任所有地址：任何人都能冒充来源", "trusts every address: anybody can forge theirs"
            )
        if given.text("log_level").upper() == "DEBUG":
            given.refuse("log_level", "DEBUG 会记录过多内容", "DEBUG logs too much")


def public_keys(pem: str) -> list[Ed25519PublicKey]:
    """Return the Ed25519 public keys of a text with one PEM after another. Raises ValueError."""
    keys = []
    for block in unescape_pem(pem).split(_PEM_END)[:-1]:
        key = load_pem_public_key(f"{block.strip()}\n{_PEM_END}\n".encode())
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("must be Ed25519 public keys")  # noqa: TRY004 - pydantic collects ValueError
        keys.append(key)
    if not keys:
        raise ValueError("must be a public key in PEM")
    return keys
