"""Reads from a request who claims to have signed it, as CP1 or in a legacy form. Nothing is verified here."""

from dataclasses import dataclass, field

from services.ingest.partners import legacy
from services.ingest.partners.domain import Payload, SignedRequest
from services.ingest.partners.errors import (
    SignatureAlgorithmMismatch,
    SignatureMalformed,
    SignatureMissing,
    UnknownAppKey,
)
from services.ingest.partners.keys import Key, LegacyForm
from services.ingest.partners.legacy import ParametersUnclear
from services.ingest.partners.registry import PartnerRegistry
from shared.auth import cp1

_ONE, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


@dataclass(frozen=True, slots=True)
class Claim:
    """`signature` is valid if it signs `message` with `key`."""

    key: Key
    timestamp: int
    nonce: str
    message: bytes = field(repr=False)
    signature: bytes
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says about its signature before its body: the key, the time and the nonce.

    `nonce` is None for legacy forms, whose nonce may depend on the body.
    """

    key: Key
    timestamp: int
    nonce: str | None


def head_of(registry: PartnerRegistry, request: SignedRequest) -> Head | None:
    """Read the head of a request whose body has not been read. None: a form, whose key may stand in the body.

    Raises SignatureMissing, SignatureMalformed, UnknownAppKey, SignatureAlgorithmMismatch, PartnersUnknown.
    """
    if request.authorization:
        key, credential = _known_credential(registry, request.authorization)
        return Head(key, credential.timestamp, credential.nonce)
    if legacy.is_form(request.content_type):
        return None  # its fields may stand in the query, in the body, or wrongly in both
    found = _legacy_key(registry, request)
    if found is None:
        raise SignatureMissing
    key, form, fields = found
    timestamp = legacy.timestamp_of(form.rule, fields.get(form.rule.timestamp_field, ""))
    if timestamp is None:
        raise SignatureMalformed
    return Head(key, timestamp, None)


def _known_credential(registry: PartnerRegistry, authorization: str) -> tuple[Key, cp1.Credential]:
    credential = cp1.parse_authorization(authorization)
    if credential is None:
        raise SignatureMalformed
    key = registry.key(credential.app_key)
    if key is None:
        raise UnknownAppKey
    if credential.algorithm != key.algorithm:
        raise SignatureAlgorithmMismatch(algorithm=key.algorithm)
    return key, credential


def claim_of(registry: PartnerRegistry, request: SignedRequest) -> Claim:
    """Raises SignatureMissing, SignatureMalformed, UnknownAppKey, SignatureAlgorithmMismatch, PartnersUnknown."""
    if not request.authorization:
        return _legacy_claim(registry, request)
    key, credential = _known_credential(registry, request.authorization)
    message = cp1.string_to_sign(
        method=request.method,
        target=request.target,
        timestamp=credential.timestamp,
        nonce=credential.nonce,
        body=request.body,
    )
    return Claim(key, credential.timestamp, credential.nonce, message, credential.signature)


def _legacy_claim(registry: PartnerRegistry, request: SignedRequest) -> Claim:
    """Find a key that signs in a legacy form among the parameters. Raises SignatureMissing if there is none."""
    found = _legacy_key(registry, request)
    if found is None:
        raise SignatureMissing
    return _claim_of_key(*found, request)


def _legacy_key(registry: PartnerRegistry, request: SignedRequest) -> tuple[Key, LegacyForm, dict[str, str]] | None:
    """Raises SignatureMissing if the parameters cannot be read."""
    if "?" not in request.target and not legacy.is_form(request.content_type):
        return None
    try:
        fields = legacy.parameters_of(request)
    except ParametersUnclear as exc:
        raise SignatureMissing from exc
    for name, value in fields.items():
        key = registry.key(value)
        if key is not None and key.legacy is not None and key.legacy.rule.key_field == name:
            return key, key.legacy, fields
    return None


def _claim_of_key(key: Key, form: LegacyForm, fields: dict[str, str], request: SignedRequest) -> Claim:
    rule = form.rule
    timestamp = legacy.timestamp_of(rule, fields.get(rule.timestamp_field, ""))
    signature = legacy.signature_of(rule, fields.get(rule.sign_field, ""))
    nonce_missing = rule.nonce_field is not None and not fields.get(rule.nonce_field)
    if timestamp is None or not signature or nonce_missing or not legacy.covers_body(rule, request):
        raise SignatureMalformed
    message = legacy.string_to_sign(rule, fields, request.body, form.secret)
    events = fields.get(rule.payload_field, "") if rule.payload_field else ""
    payload = Payload(events.encode(), _BATCH if events.lstrip().startswith("[") else _ONE) if events else None
    return Claim(key, timestamp, legacy.nonce_of(rule, fields, signature), message, signature, payload)
