"""Settings of the accounts service, read from ACCOUNTS_* in the environment and nowhere else."""

from datetime import time
from typing import Literal, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from shared.production import Given
from shared.sealing_keys import SealingKeys, parse_key, parse_keys, split_list
from shared.settings import ServiceSettings, unescape_pem

_PEPPER_CHARS_MIN = 16
# api.weixin.qq.com, and the regional names that WeChat gives for disasters.
WECHAT_DOMAIN = ".weixin.qq.com"


class MessageTemplate(BaseModel):
    """A template of WeChat for one kind of message. `keywords`: where its keywords have other numbers than ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    template_id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    page: str = Field("", pattern=r"^([A-Za-z0-9_-][A-Za-z0-9_/-]{0,126})?$")
    keywords: dict[str, str] = {}


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ACCOUNTS_")

    wechat_base_url: str = "https://api.weixin.qq.com"
    wechat_app_id: str = Field(min_length=1, max_length=64)
    wechat_app_secret: SecretStr = Field(min_length=1)

    wechat_version: Literal["formal", "trial", "developer"] = Field(
        "formal", description="which version of the mini-program messages and codes lead to"
    )
    message_templates: dict[str, MessageTemplate] = Field(
        {}, description='by kind, as JSON: {"credited_today": {"template_id": "…"}}; a kind without one is not offered'
    )
    messages_per_minute: int = Field(600, ge=1, le=100_000)
    messages_per_day: int = Field(200_000, ge=1, le=100_000_000)
    messages_evening_at: time = Field(time(20, 0), description="local time of the message about the grams of a day")

    token_signing_key: SecretStr = Field(description="Ed25519 private key, PEM; signs citizens' access tokens")
    token_published_keys: str = Field(
        "", description="further Ed25519 public keys, PEM one after another: the previous key during a rotation"
    )

    phone_pepper: SecretStr = Field(
        min_length=_PEPPER_CHARS_MIN, description="keys the look-up index of phone numbers and open ids"
    )
    phone_peppers_former: SecretStr = Field(
        SecretStr(""), description="former peppers, with commas between them, until `keys index` has finished"
    )
    phone_encryption_key: SecretStr = Field(
        description="32 bytes, base64 or hex: AES-256-GCM of phone numbers and open ids; after a rotation `2:…`"
    )
    phone_encryption_keys_former: SecretStr = Field(
        SecretStr(""), description="further keys that open, with commas between them, until `keys seal` has finished"
    )
    account_ref_pepper: SecretStr = Field(
        min_length=_PEPPER_CHARS_MIN, description="keys partner references on topics; ingest has the same value"
    )
    service_key: SecretStr = Field(description="Ed25519 private key, PEM; signs the calls to ingest and accounting")
    ingest_base_url: str = Field(description="where the partner registry answers, e.g. http://127.0.0.1:8102")
    accounting_base_url: str = Field(
        "", description="where accounting answers whether an account is frozen; empty: /me does not say it"
    )

    rewards_base_url: str = Field("", description="where rewards gives the rows of a person; empty: no export")
    erasure_cooling_off_days: int = Field(
        15, ge=0, le=90, description="days between a citizen's request for erasure and the erasure"
    )
    partner_allow_loopback: bool = Field(
        False, description="partners' OAuth servers may be on this machine, by http: for development"
    )

    city_code: str = Field("420100", pattern=r"^[0-9]{6}$", description="GB/T 2260, of acts without a place: steps")
    meter_partners: str = Field(
        "",
        pattern=r"^([a-z0-9_-]{1,64}(,[a-z0-9_-]{1,64})*)?$",
        description="grid companies that confirm meters, by partner id with commas; empty: a meter counts at once",
    )

    account_no_prefix: str = Field("WH", pattern=r"^[A-Z]{2}$", description="begins every account number of this city")

    oidc_issuer: str = Field(
        "", description="the operators' identity provider (OpenID Connect); empty: local accounts with TOTP"
    )
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="empty for a public client")
    oidc_redirect_uri: str = Field(
        "", description="address of the operators' console to which the provider sends `code` and `state`"
    )
    oidc_scope: str = "openid profile"
    oidc_roles_claim: str = Field("roles", description="claim with the roles; a dot leads into an object")
    oidc_roles: dict[str, str] = Field(
        {}, description='roles by the provider\'s names, as JSON: {"carbon-ledger": "ledger"}; empty: the same names'
    )

    @property
    def meter_partner_ids(self) -> frozenset[str]:
        return frozenset(self.meter_partners.split(",")) - {""}

    @model_validator(mode="after")
    def _complete_oidc(self) -> Self:
        needed = ("oidc_client_id", "oidc_redirect_uri")
        missing = [f"ACCOUNTS_{name.upper()}" for name in needed if not getattr(self, name)]
        if self.oidc_issuer and missing:
            raise ValueError(f"ACCOUNTS_OIDC_ISSUER needs {', '.join(missing)}")
        return self

    @classmethod
    def check_production(cls, given: Given) -> None:
        super().check_production(given)
        given.require_strong("phone_pepper", "account_ref_pepper", "wechat_app_secret")
        given.require_strong("oidc_client_secret")
        given.require_strong_list("phone_encryption_key", "phone_encryption_keys_former", "phone_peppers_former")
        given.require_new("phone_encryption_key", "phone_encryption_keys_former")
        given.require_new("phone_pepper", "phone_peppers_former")
        given.require_different("phone_pepper", "phone_encryption_key", "account_ref_pepper")
        given.require_signing_key("token_signing_key")
        given.require_different("token_signing_key", "service_key")
        given.require_inside("ingest_base_url", "accounting_base_url", "rewards_base_url")
        given.require_https("oidc_issuer", "oidc_redirect_uri")
        if given.is_on("partner_allow_loopback"):
            given.refuse(
                "partner_allow_loopback",
                "合作方的服务器可以是本机",
                "partners' servers may be addresses of this machine",
            )
        for name in ("oidc_client_id", "oidc_redirect_uri"):
            if given.text("oidc_issuer") and not given.text(name):
                given.refuse(name, "缺失，OIDC_ISSUER 需要它", "missing, OIDC_ISSUER needs it")
        if given.text("erasure_cooling_off_days").strip().strip("0") in {"", "+", "-"}:
            given.refuse(
                "erasure_cooling_off_days",
                "没有冷静期，误点注销无法挽回",
                "no cooling-off: an erasure by mistake could not be cancelled",
            )
        wechat = urlsplit(given.text("wechat_base_url"))
        if wechat.scheme != "https" or not (wechat.hostname or "").endswith(WECHAT_DOMAIN):
            given.refuse("wechat_base_url", "不是微信的服务器", "not a server of WeChat")
        if given.text("wechat_app_id").startswith("wxdev"):
            given.refuse("wechat_app_id", "开发用的 AppID", "the app id of the fake WeChat")

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
        parse_key(value.get_secret_value())
        return value

    @field_validator("phone_encryption_keys_former")
    @classmethod
    def _former_keys(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if current := info.data.get("phone_encryption_key"):
            parse_keys(current.get_secret_value(), value.get_secret_value())
        return value

    @field_validator("phone_peppers_former")
    @classmethod
    def _former_peppers(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        former = split_list(value.get_secret_value())
        if any(len(one) < _PEPPER_CHARS_MIN for one in former):
            raise ValueError(f"each has at least {_PEPPER_CHARS_MIN} characters")
        current = info.data.get("phone_pepper")
        if len(set(former)) < len(former) or (current and current.get_secret_value() in former):
            raise ValueError("a pepper is there twice")
        return value

    @property
    def sealing_keys(self) -> SealingKeys:
        """The keys of the vault. Raises ValueError."""
        return parse_keys(
            self.phone_encryption_key.get_secret_value(), self.phone_encryption_keys_former.get_secret_value()
        )

    @property
    def peppers(self) -> tuple[str, ...]:
        """The peppers of the look-up index, the newest first."""
        former = split_list(self.phone_peppers_former.get_secret_value())
        return (self.phone_pepper.get_secret_value(), *former)


def split_pem(text: str) -> list[str]:
    """Split concatenated public keys into one PEM each."""
    end = "-----END PUBLIC KEY-----"
    return [part.strip() + f"\n{end}\n" for part in text.split(end) if part.strip()]
