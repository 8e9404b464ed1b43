"""The leaf of an activity, format 2: the act, its verdict, and the documents that gave it. Pure.

The leaf names class, inputs, methodology and grams. It commits to act, judgement, raw event and account by salted
hashes, so it names nobody. The public inputs let anyone recompute the grams before caps. They are opened only for
activities with grams, because the content of others may be deleted later.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from shared.seals.merkle import leaf_hash
from shared.seals.statements import instant_text

ACTIVITY_LEAF_FORMAT: Final = "carbon-leaf/2"
SALT_BYTES: Final = 16
EARNED: Final = frozenset({"credited", "pending", "reversed"})
_PARKED: Final = "parked"
_NULL: Final = msgspec.Raw(b"null")
_NO_FACTORS: Final = msgspec.Raw(b"[]")

_encode = msgspec.json.Encoder(order="sorted").encode


class HashedFactor(msgspec.Struct, frozen=True):
    factor_id: str
    sha256: str | None
    vintage: int


class HashedMethodology(msgspec.Struct, frozen=True):
    code: str
    sha256: str
    version: int


@dataclass(frozen=True, slots=True)
class HashedDocuments:
    """The JSON of a methodology version and of its factors, with their content hashes."""

    methodology: msgspec.Raw
    factors: msgspec.Raw

    @classmethod
    def of(cls, methodology: HashedMethodology, factors: list[HashedFactor]) -> "HashedDocuments":
        ordered = sorted(factors, key=lambda factor: (factor.factor_id, factor.vintage))
        return cls(msgspec.Raw(_encode(methodology)), msgspec.Raw(_encode(ordered)))


Documents = Mapping[tuple[str, int], HashedDocuments]


class ActivitySalts(NamedTuple):
    leaf: bytes
    account: bytes
    act: bytes
    judgement: bytes
    raw_event: bytes


def activity_salts(day_secret: bytes, activity_id: uuid.UUID, sequence: int) -> ActivitySalts:
    drawn = hashlib.shake_256(day_secret + activity_id.bytes + sequence.to_bytes(2, "big")).digest(5 * SALT_BYTES)
    return ActivitySalts(*(drawn[start : start + SALT_BYTES] for start in range(0, len(drawn), SALT_BYTES)))


def salted_hash(content: bytes, salt: bytes) -> str:
    return hashlib.sha256(salt + content).hexdigest()


class _Judged(msgspec.Struct, frozen=True):
    """The public fields of a stored judgement."""

    raw_mg: int = 0
    evidence_tier: str | None = None
    local_date: str | None = None
    inputs: dict[str, int] = {}


class _Act(msgspec.Struct, frozen=True):
    kind: str | None = None


class _Leaf(msgspec.Struct, frozen=True):
    account: str | None
    act: str | None
    act_kind: str | None
    activity_id: uuid.UUID
    amount_mg: int
    at: str
    evidence_tier: str | None
    factors: msgspec.Raw
    format: str
    inputs: dict[str, int] | None
    judgement: str | None
    local_date: str | None
    methodology: msgspec.Raw
    raw_event: str
    raw_mg: int | None
    reason_code: str
    received_at: str
    scene: str | None
    sequence: int
    status: str


_read_judged = msgspec.json.Decoder(_Judged).decode
_read_act = msgspec.json.Decoder(_Act).decode


def text_sha256(text: str | None, replaced: bytes | None) -> bytes | None:
    """Return the hash of a text as it was in this version. `replaced` is set if a later verdict replaced it."""
    if replaced is not None:
        return bytes(replaced)
    return hashlib.sha256(text.encode()).digest() if text is not None else None


def activity_leaf_text(version: Mapping[str, Any], salts: ActivitySalts, documents: Documents) -> bytes:
    """Return the canonical form of a version: sorted keys, no spaces, UTF-8.

    A version whose stored texts cannot be read gets a leaf without public inputs, which differs from the sealed one.
    """
    status, amount_mg, account_id = version["status"], version["amount_mg"], version["account_id"]
    act = judgement = None
    if status != _PARKED:
        act = text_sha256(version["act_text"], version["act_sha256"])
        judgement = text_sha256(version["judgement_text"], version["judgement_sha256"])
    judged, kind = (_opened(version) if status in EARNED else (None, None)) or (None, None)
    named = documents.get((version["methodology_code"], version["methodology_version"]))
    return _encode(
        _Leaf(
            salted_hash(account_id.bytes, salts.account) if account_id is not None else None,
            salted_hash(act, salts.act) if act is not None else None,
            kind,
            version["activity_id"],
            amount_mg,
            instant_text(version["at"]),
            judged.evidence_tier if judged else None,
            named.factors if named else _NO_FACTORS,
            ACTIVITY_LEAF_FORMAT,
            judged.inputs if judged else None,
            salted_hash(judgement, salts.judgement) if judgement is not None else None,
            judged.local_date if judged else None,
            named.methodology if named else _NULL,
            salted_hash(version["raw_sha256"], salts.raw_event),
            judged.raw_mg if judged else None,
            version["reason_code"],
            instant_text(version["received_at"]),
            version["scene"],
            version["sequence"],
            status,
        )
    )


def _opened(version: Mapping[str, Any]) -> tuple[_Judged, str | None] | None:
    try:
        return _read_judged(version["judgement_text"]), _read_act(version["act_text"]).kind
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError):
        return None


def activity_leaf_hash(version: Mapping[str, Any], day_secret: bytes, documents: Documents) -> bytes:
    salts = activity_salts(day_secret, version["activity_id"], version["sequence"])
    return leaf_hash(salts.leaf + activity_leaf_text(version, salts, documents))


def version_key(version: Mapping[str, Any]) -> tuple[datetime, uuid.UUID, int]:
    """Return the place of a version in canonical order."""
    return version["at"], version["activity_id"], version["sequence"]
