"""Partners as the ingest service describes them."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class OauthConfig(BaseModel):
    """Where and how a partner exchanges an authorization code for its open id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    token_url: str = Field(pattern=r"^https?://", max_length=500)
    client_id: str = Field(min_length=1, max_length=200)
    client_secret: SecretStr
    open_id_field: str = Field("open_id", min_length=1, max_length=60)


class Partner(BaseModel):
    """An entry of the partner registry. Secrets are `SecretStr`, so that no log or answer shows them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    partner_id: str = Field(min_length=1, max_length=64)
    name: str = Field(max_length=200)
    name_en: str = Field("", max_length=200)
    scenes: tuple[str, ...] = ()
    late_window_s: int = Field(ge=0, le=366 * 86_400)
    binding_modes: tuple[str, ...] = ()
    environment: str = "live"
    phone_pepper: SecretStr | None = None
    oauth: OauthConfig | None = None


@dataclass(frozen=True, slots=True)
class VerifiedSigner:
    """The partner that signed a request. The caller must still store the nonce to detect a replay."""

    partner_id: str
    nonce: str
