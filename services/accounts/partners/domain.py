"""Partners as the ingest service describes them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

_Address = Annotated[str, Field(pattern=r"^https?://", max_length=500)]


class OauthConfig(BaseModel):
    """A partner's OAuth server. `redirect_uri` is registered there and here, and compared as text.

    `issuer`: where given, an answer of the partner must name it (RFC 9207). Without `revocation_url` no token is kept.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    authorize_url: _Address
    token_url: _Address
    revocation_url: _Address | None = None
    redirect_uri: _Address
    issuer: str | None = Field(None, max_length=200)
    client_id: str = Field(min_length=1, max_length=200)
    client_secret: SecretStr
    scope: str = Field("", max_length=200)
    open_id_field: str = Field("open_id", min_length=1, max_length=60)
    request_form: Literal["form", "json"] = "form"


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

    @field_validator("oauth", mode="wrap")
    @classmethod
    def _complete_or_none(cls, value: object, read: ValidatorFunctionWrapHandler) -> OauthConfig | None:
        """An entry without an authorize address, from before PKCE, offers no mode oauth. Its other modes work."""
        try:
            found: OauthConfig | None = read(value)
        except ValidationError:
            return None
        return found


@dataclass(frozen=True, slots=True)
class VerifiedSigner:
    """The partner that signed a request. The caller must still store the nonce to detect a replay."""

    partner_id: str
    nonce: str
