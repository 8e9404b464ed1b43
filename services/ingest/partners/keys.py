"""A key in memory, ready to check signatures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.ingest.partners.domain import Environment, KeyInterval
from services.ingest.partners.errors import KeyExpired, KeyNotYetValid, KeyRevoked
from services.ingest.partners.legacy import PREFIX, LegacyRule, legacy_verifier
from shared.auth.signers import KeyUnusable, Verifier, verifier_of


@dataclass(frozen=True, slots=True)
class LegacyForm:
    """How a legacy signature is built. Some rules put the secret into the signed string."""

    rule: LegacyRule
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Key:
    """`algorithm` comes from the key record. The algorithm a request names is only compared with it."""

    app_key: str
    partner_id: str
    algorithm: str
    environment: Environment
    verifier: Verifier = field(repr=False)
    interval: KeyInterval
    legacy: LegacyForm | None = None

    def require_valid(self, at: datetime) -> None:
        """Raises KeyRevoked, KeyNotYetValid, KeyExpired."""
        match self.interval.state(at):
            case "revoked":
                raise KeyRevoked
            case "not_yet_valid":
                raise KeyNotYetValid
            case "expired":
                raise KeyExpired


def key_of(
    *,
    app_key: str,
    partner_id: str,
    algorithm: str,
    environment: Environment,
    material: str,
    rule: Mapping[str, Any] | None,
    interval: KeyInterval,
) -> Key:
    """Raises KeyUnusable."""
    verifier, legacy = verifier_for(algorithm, material, rule)
    return Key(app_key, partner_id, algorithm, environment, verifier, interval, legacy)


def verifier_for(algorithm: str, material: str, rule: Mapping[str, Any] | None) -> tuple[Verifier, LegacyForm | None]:
    """Raises KeyUnusable."""
    if not algorithm.startswith(PREFIX):
        return verifier_of(algorithm, material), None
    try:
        form = LegacyForm(LegacyRule.model_validate(rule), material)
    except ValueError as exc:
        raise KeyUnusable(f"the rule of {algorithm} does not hold") from exc
    return legacy_verifier(form.rule, material), form
