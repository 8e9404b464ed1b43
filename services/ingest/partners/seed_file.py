"""The format of the seed file: partners and keys as an operator writes them down."""

from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from services.ingest.event_types import full_name
from services.ingest.partners.domain import RESERVED_IDS, Environment
from services.ingest.partners.keys import verifier_for
from services.ingest.partners.legacy import CUSTOM, PRESETS, LegacyRule
from services.ingest.partners.oauth_terms import OauthTerms
from services.ingest.sentences import refusals
from shared.auth.cp1 import ALGORITHMS, HMAC_SHA256
from shared.errors import InvalidValue

# An RSA key of 8,192 bits has 1.5 KB in PEM.
PUBLIC_KEY_CHARS_MAX = 4_000
KEY_ALGORITHMS = (*ALGORITHMS, *PRESETS, CUSTOM)
LATE_WINDOW_S_MAX = 366 * 86_400

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _not_reserved(text: str) -> str:
    if text in RESERVED_IDS:
        raise InvalidValue(refusals.PARTNER_ID_RESERVED)
    return text


PartnerIdentifier = Annotated[Identifier, AfterValidator(_not_reserved)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Scene = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
CityCode = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
# account_no_confirmed: mode account_no, where the partner confirms each account number before it counts. Going back to
# account_no drops a check, so it is a new entry of the list, and new entries need two operators.
BindingMode = Literal["oauth", "phone_hash", "token", "account_no", "account_no_confirmed"]
PerSecond = Annotated[int, Field(ge=1, le=100_000)]
# The largest batch allowed must fit into a full bucket.
EventsBurst = Annotated[int, Field(ge=500, le=1_000_000)]
EventsPerDay = Annotated[int, Field(ge=1, le=1_000_000_000)]


def _network(text: str) -> str:
    return str(ip_network(text))


Network = Annotated[str, Field(max_length=50), AfterValidator(_network)]


class SeedKey(BaseModel):
    """The desired state of a key: with the shared secret, or with the partner's public key."""

    model_config = ConfigDict(extra="forbid")

    app_key: Identifier
    algorithm: str
    secret: SecretStr | None = Field(None, min_length=16, max_length=256)
    public_key: str | None = Field(None, max_length=PUBLIC_KEY_CHARS_MAX)
    rule: LegacyRule | None = Field(None, description=f"for {CUSTOM} only; the presets have theirs")
    environment: Environment | None = Field(None, description="default: the partner's")
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _usable(self) -> "SeedKey":
        """The message contains no secret: the seed command prints it."""
        if (self.secret is None) == (self.public_key is None):
            raise ValueError("exactly one of secret and public_key")
        require_usable(
            self.algorithm,
            secret=self.secret.get_secret_value() if self.secret else None,
            public_key=self.public_key,
            rule=self.rule,
        )
        return self

    def resolved_rule(self) -> dict[str, Any] | None:
        return rule_of(self.algorithm, self.rule)


def rule_of(algorithm: str, custom: LegacyRule | None) -> dict[str, Any] | None:
    """The rule stored in the key record. Later changes of a preset do not affect keys in use."""
    rule = custom if algorithm == CUSTOM else PRESETS.get(algorithm)
    return rule.model_dump(mode="json") if rule is not None else None


def require_usable(algorithm: str, *, secret: str | None, public_key: str | None, rule: LegacyRule | None) -> None:
    """Raises ValueError if this key could never verify a signature."""
    if algorithm not in KEY_ALGORITHMS:
        raise ValueError(f"algorithm is one of {', '.join(KEY_ALGORITHMS)}")
    if (algorithm == CUSTOM) != (rule is not None):
        raise ValueError(f"a rule belongs to {CUSTOM}")
    if wants_public_key(algorithm, rule) != (public_key is not None):
        raise ValueError(f"{algorithm} takes {'a public key' if public_key is None else 'a secret'}")
    verifier_for(algorithm, public_key or secret or "", rule_of(algorithm, rule))


def wants_public_key(algorithm: str, rule: LegacyRule | None) -> bool:
    resolved = rule if algorithm == CUSTOM else PRESETS.get(algorithm)
    return resolved.wants_public_key if resolved is not None else algorithm != HMAC_SHA256


class SeedPartner(BaseModel):
    """One entry of the seed file: the desired state of a partner. Keys that are not listed stay as they are.

    A limit that is left out means no limit, because whoever writes this file also runs the machine.
    """

    model_config = ConfigDict(extra="forbid")

    partner_id: PartnerIdentifier
    name: Name
    name_en: Name
    source: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    scenes: list[Scene] = Field(max_length=50)
    event_types: list[str] = Field(max_length=20)
    cities: list[CityCode] = Field(default=[], max_length=1000)
    late_window_s: int = Field(ge=0, le=LATE_WINDOW_S_MAX)
    binding_modes: list[BindingMode]
    environment: Environment = "live"
    requests_per_s: PerSecond | None = None
    requests_burst: PerSecond | None = None
    events_per_s: PerSecond | None = None
    events_burst: EventsBurst | None = None
    events_per_day: EventsPerDay | None = None
    allowed_networks: list[Network] = Field(default=[], max_length=100)
    phone_pepper: SecretStr | None = None
    oauth: OauthTerms | None = None
    keys: list[SeedKey] = Field(default=[], max_length=10)

    @field_validator("event_types")
    @classmethod
    def _full_names(cls, value: list[str]) -> list[str]:
        return sorted({full_name(name) for name in value})
