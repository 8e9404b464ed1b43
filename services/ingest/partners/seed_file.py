"""The seed file's shape: partners and keys as an operator writes them down."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator

from services.ingest.event_types import full_name
from services.ingest.partners.domain import Environment
from shared.auth.cp1 import ALGORITHMS

LATE_WINDOW_S_MAX = 366 * 86_400

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Scene = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
CityCode = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
BindingMode = Literal["oauth", "phone_hash", "token", "account_no"]


class SeedKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    app_key: Identifier
    algorithm: str
    secret: SecretStr = Field(min_length=16, max_length=256)
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @field_validator("algorithm")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ALGORITHMS:
            raise ValueError(f"one of {', '.join(ALGORITHMS)}")
        return value


class SeedPartner(BaseModel):
    """One entry of the seed file: the partner as it shall be. Keys not named stay as they are."""

    model_config = ConfigDict(extra="forbid")

    partner_id: Identifier
    name: Name
    name_en: Name
    source: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    scenes: list[Scene] = Field(max_length=50)
    event_types: list[str] = Field(max_length=20)
    cities: list[CityCode] = Field(default=[], max_length=1000)
    late_window_s: int = Field(ge=0, le=LATE_WINDOW_S_MAX)
    binding_modes: list[BindingMode]
    environment: Environment = "live"
    phone_pepper: SecretStr | None = None
    oauth: dict[str, Any] | None = None
    keys: list[SeedKey] = Field(default=[], max_length=10)

    @field_validator("event_types")
    @classmethod
    def _full_names(cls, value: list[str]) -> list[str]:
        return sorted({full_name(name) for name in value})
