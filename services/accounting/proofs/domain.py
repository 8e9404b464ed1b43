"""Sealed data and its canonical form: the leaf of a posting, the statement of a day, and their salts.

`activity_leaf` has the leaf of an activity. A leaf is the hash of a salt and the canonical JSON of one posting. The
JSON has both accounts as commitments, SHA-256(salt | account id). So the proof of an activity reveals neither the
credited account nor other leaves to people who know the activity's id. All salts are derived from one secret per day,
which never leaves the database.
"""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import msgspec

from shared.language import Text
from shared.seals.merkle import leaf_hash
from shared.seals.statements import instant_text

LEAF_FORMAT: Final = "carbon-leaf/1"
POSTINGS_STATEMENT_FORMAT: Final = "carbon-digest/1"
STATEMENT_FORMAT: Final = "carbon-digest/2"
PROOF_FORMAT: Final = "carbon-proof/1"
BUNDLE_FORMAT: Final = "carbon-bundle/1"
# Leaves per stored block. A proof hashes one block again (some milliseconds). A day of six million postings stores six
# thousand block roots. It must be a power of two, or blocks would not be subtrees. Stored days depend on this value.
BLOCK_LEAVES: Final = 1024

Key = tuple[Any, ...]
"""The place of a row in canonical order. Its first part is the row's time."""

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Salts:
    leaf: bytes
    debit: bytes
    credit: bytes


def salts_of(day_secret: bytes, posting_id: uuid.UUID) -> Salts:
    drawn = hmac.digest(day_secret, posting_id.bytes, "sha512")
    return Salts(drawn[:32], drawn[32:48], drawn[48:])


def account_commitment(account_id: uuid.UUID, salt: bytes) -> str:
    return hashlib.sha256(salt + account_id.bytes).hexdigest()


def leaf_text(posting: Mapping[str, Any], salts: Salts) -> bytes:
    """Return the canonical form of a posting: sorted keys, no spaces, UTF-8."""
    return _encode(
        {
            "activity_id": posting["activity_id"],
            "amount_mg": posting["amount_mg"],
            "credit": account_commitment(posting["credit_account_id"], salts.credit),
            "debit": account_commitment(posting["debit_account_id"], salts.debit),
            "format": LEAF_FORMAT,
            "hold_id": posting["hold_id"],
            "kind": posting["kind"],
            "posted_at": instant_text(posting["posted_at"]),
            "posting_id": posting["posting_id"],
            "requested_by": posting["requested_by"],
            "reverses_posting_id": posting["reverses_posting_id"],
        }
    )


def salted_leaf_hash(text: bytes, salt: bytes) -> bytes:
    """Return the hash of a leaf in the tree."""
    return leaf_hash(salt + text)


def posting_leaf_hash(posting: Mapping[str, Any], day_secret: bytes) -> bytes:
    salts = salts_of(day_secret, posting["posting_id"])
    return salted_leaf_hash(leaf_text(posting, salts), salts.leaf)


@dataclass(slots=True)
class Block:
    """A run of leaves that is one subtree. `first` is the key of its first row."""

    number: int
    first: Key
    last_at: datetime
    root: bytes = b""
    leaves: int = 0


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The signed statement about one day. `previous` is the SHA-256 of the statement of the day before.

    `root` is the root of the postings' tree. Days of format 1 have no tree of activities.
    """

    activities: int | msgspec.UnsetType = msgspec.UNSET
    activities_root: str | msgspec.UnsetType = msgspec.UNSET
    day: date
    format: str = STATEMENT_FORMAT
    postings: int
    previous: str | None
    root: str
    time_zone: str

    @property
    def has_activities(self) -> bool:
        return self.format == STATEMENT_FORMAT

    @property
    def is_known(self) -> bool:
        """Whether the format is known and has exactly its fields."""
        unset = self.activities is msgspec.UNSET, self.activities_root is msgspec.UNSET
        return (self.format, *unset) in {
            (POSTINGS_STATEMENT_FORMAT, True, True),
            (STATEMENT_FORMAT, False, False),
        }


class Check(NamedTuple):
    """One question about a proof, a bundle or a database, with its answer."""

    ok: bool
    text: Text
    detail: str = ""


def statement_of(text: str) -> Statement:
    """Read a statement. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Statement)
