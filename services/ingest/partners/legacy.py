"""Legacy signatures over sorted parameters, for partners that cannot change how they sign. Data describes each form.

The rule is fixed in the key record. Every rule signs the events, allows ±300 s like CP1, and yields a nonce, so that a
replay is recognised.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from services.ingest.partners.domain import SignedRequest
from shared.auth import cp1
from shared.auth.signers import Verifier, verifier_of
from shared.errors import InvalidValue
from shared.language import Text

PREFIX = "LEGACY-"
CUSTOM = "LEGACY-CUSTOM"
FORM = "application/x-www-form-urlencoded"
# No platform signs more parameters than this.
FIELDS_MAX = 100
_PRESETS_FILE = Path(__file__).with_name("legacy_presets.json")
# Platforms that sign with a formatted time use this zone.
_WRITTEN_TIME_ZONE = ZoneInfo("Asia/Shanghai")
_WRITTEN_TIME = "%Y-%m-%d %H:%M:%S"

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]


class LegacyRule(BaseModel):
    """How one platform signs. The signed string is prefix, sorted pairs, body and suffix, in this order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_field: FieldName = Field(description="names the key")
    sign_field: FieldName = "sign"
    unsigned_fields: tuple[FieldName, ...] = Field(default=(), max_length=10, description="left out besides sign_field")
    pairs: Literal["kv", "k=v&"] = Field(description="key1value1key2value2, or key1=value1&key2=value2")
    empty_values: Literal["drop", "keep"] = "drop"
    secret: Literal["prefix", "suffix", "parameter", "outside"] = Field(
        description="where the secret stands; parameter: sorted in as secret_name; outside: keys the digest"
    )
    secret_name: FieldName | None = None
    suffix_text: str = Field("", max_length=40, description="between the rest and a secret at the end, as &secret=")
    body_text: str | None = Field(None, max_length=40, description="set: this and the raw body follow the pairs")
    payload_field: FieldName | None = Field(None, description="the parameter that carries the events as JSON")
    digest: Literal["md5", "sha1", "sha256", "hmac-sha256", "rsa-sha256"]
    encoding: Literal["hex", "HEX", "base64"]
    timestamp_field: FieldName = "timestamp"
    timestamp_unit: Literal["s", "ms", "yyyy-MM-dd HH:mm:ss"]
    nonce_field: FieldName | None = None

    @model_validator(mode="after")
    def _sound(self) -> "LegacyRule":
        if (self.body_text is None) == (self.payload_field is None):
            raise InvalidValue(
                Text(
                    "事件须在签名之内：body_text 与 payload_field 须且只能写一个。",
                    "The events are signed: exactly one of body_text and payload_field.",
                )
            )
        if (self.secret == "parameter") != (self.secret_name is not None):
            raise InvalidValue(
                Text("只有密钥作为参数时才写 secret_name。", "secret_name belongs to a secret that is a parameter.")
            )
        if (self.digest in {"hmac-sha256", "rsa-sha256"}) != (self.secret == "outside"):
            raise InvalidValue(
                Text(
                    "带密钥的摘要，且只有它，secret 为 outside。",
                    "The secret stands outside exactly when the digest is keyed.",
                )
            )
        left_out = {self.sign_field, *self.unsigned_fields}
        if left_out & {self.key_field, self.timestamp_field, self.payload_field, self.nonce_field}:
            raise InvalidValue(
                Text("密钥编号、时间、随机串和事件都须在签名之内。", "The key, time, nonce and events are signed.")
            )
        return self

    @property
    def wants_public_key(self) -> bool:
        return self.digest == "rsa-sha256"


def _presets() -> Mapping[str, LegacyRule]:
    listed = json.loads(_PRESETS_FILE.read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, LegacyRule]).validate_python(listed)


PRESETS = _presets()


class ParametersUnclear(ValueError):
    """A field occurs twice or cannot be decoded, so that two readers could read different values."""


def is_form(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == FORM


def parameters_of(request: SignedRequest) -> dict[str, str]:
    """Decoded fields of the query and the form together. Raises ParametersUnclear."""
    query = request.target.partition("?")[2]
    pairs = _pairs(query)
    if is_form(request.content_type):
        pairs += _pairs(request.body.decode("latin-1"))
    fields = dict(pairs)
    if len(fields) != len(pairs) or len(fields) > FIELDS_MAX:
        raise ParametersUnclear
    return fields


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as exc:
        raise ParametersUnclear from exc


def string_to_sign(rule: LegacyRule, fields: Mapping[str, str], body: bytes, secret: str) -> bytes:
    signed = {
        name: value
        for name, value in fields.items()
        if name != rule.sign_field and name not in rule.unsigned_fields and (value or rule.empty_values == "keep")
    }
    if rule.secret_name is not None:
        signed[rule.secret_name] = secret
    ordered = sorted(signed.items())
    if rule.pairs == "kv":
        text = "".join(name + value for name, value in ordered)
    else:
        text = "&".join(f"{name}={value}" for name, value in ordered)
    if rule.secret == "prefix":
        text = secret + text
    message = text.encode()
    if rule.body_text is not None:
        message += rule.body_text.encode() + body
    if rule.secret == "suffix":
        message += (rule.suffix_text + secret).encode()
    return message


def covers_body(rule: LegacyRule, request: SignedRequest) -> bool:
    """Whether the signature covers the whole body, either as raw bytes or as the form fields in it."""
    return rule.body_text is not None or not request.body or is_form(request.content_type)


def timestamp_of(rule: LegacyRule, text: str) -> int | None:
    """Seconds since 1970. None if the text is not a time in the rule's unit."""
    if rule.timestamp_unit == "yyyy-MM-dd HH:mm:ss":
        try:
            written = datetime.strptime(text, _WRITTEN_TIME).replace(tzinfo=_WRITTEN_TIME_ZONE)
        except ValueError:
            return None
        return int(written.timestamp())
    digits = 10 if rule.timestamp_unit == "s" else 13
    if not (text.isascii() and text.isdecimal() and len(text) == digits):
        return None
    return int(text[:10])


def signature_of(rule: LegacyRule, text: str) -> bytes | None:
    """The decoded signature. None if it is not encoded as the rule says."""
    try:
        if rule.encoding == "base64":
            return base64.b64decode(text, validate=True)
        if text != (text.lower() if rule.encoding == "hex" else text.upper()):
            return None
        return bytes.fromhex(text)
    except ValueError:
        return None


class _DigestVerifier:
    """For rules whose secret is part of the message."""

    is_slow = False

    def __init__(self, digest: str) -> None:
        self._digest = digest

    def verify(self, message: bytes, signature: bytes) -> bool:
        # Weak digests are what these platforms use. Only the key record can select one, never a request.
        found = hashlib.new(self._digest, message, usedforsecurity=False).digest()
        return hmac.compare_digest(found, signature)


def legacy_verifier(rule: LegacyRule, material: str) -> Verifier:
    """Raises KeyUnusable."""
    if rule.digest == "rsa-sha256":
        return verifier_of(cp1.RSA_SHA256, material)
    if rule.digest == "hmac-sha256":
        return verifier_of(cp1.HMAC_SHA256, material)
    return _DigestVerifier(rule.digest)


def nonce_of(rule: LegacyRule, fields: Mapping[str, str], signature: bytes) -> str:
    """Without a nonce field the signature stands for the request: equal bytes in the same second are one request."""
    given = fields.get(rule.nonce_field, "") if rule.nonce_field else ""
    return hashlib.sha256(given.encode() if given else signature).hexdigest()
