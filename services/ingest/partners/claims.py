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


def claim_of(registry: PartnerRegistry, request: SignedRequest) -> Claim:
    """Raises SignatureMissing, SignatureMalformed, UnknownAppKey, SignatureAlgorithmMismatch, PartnersUnknown."""
    if not request.authorization:
        return _legacy_claim(registry, request)
    credential = cp1.parse_authorization(request.authorization)
    if credential is None:
        raise SignatureMalformed
    key = registry.key(credential.app_key)
    if key is None:
        raise UnknownAppKey
    if credential.algorithm != key.algorithm:
        raise SignatureAlgorithmMismatch(algorithm=key.algorithm)
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
    if "?" not in request.target and not legacy.is_form(request.content_type):
        raise SignatureMissing
    try:
        fields = legacy.parameters_of(request)
    except ParametersUnclear as exc:
        raise SignatureMissing from exc
    for name, value in fields.items():
        key = registry.key(value)
        if key is not None and key.legacy is not None and key.legacy.rule.key_field == name:
            return _claim_of_key(key, key.legacy, fields, request)
    raise SignatureMissing


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
