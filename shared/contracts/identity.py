"""Identifiers of people, meters and events that contain no personal data."""

import hashlib
import hmac
import uuid
from functools import lru_cache

_PERSON_ACCOUNT_NAMESPACE = uuid.UUID("5b3a9f0e-6d0c-5f7e-9d53-6a1b1f0c7a10")
_HOUSEHOLD_ACCOUNT_NAMESPACE = uuid.UUID("8d2f6c1b-0b5e-5c43-a7a1-3f0e9e4d5b26")
# Version and variant bits of a UUID. Version 8 is for custom rules (RFC 9562, section 5.8).
_UUID_MARKS, _UUID_8 = 0xF << 76 | 0x3 << 62, 0x8 << 76 | 0x2 << 62


def person_account_id(user_id: uuid.UUID) -> uuid.UUID:
    """Return the personal carbon account of a user. It is derived, so no service needs a call or a message for it."""
    return uuid.uuid5(_PERSON_ACCOUNT_NAMESPACE, user_id.hex)


def household_account_id(household_id: uuid.UUID) -> uuid.UUID:
    """Return the carbon account of a household, derived like that of a person."""
    return uuid.uuid5(_HOUSEHOLD_ACCOUNT_NAMESPACE, household_id.hex)


def account_key(pepper: str, partner_id: str, ref_type: str, ref_value: str) -> str:
    """Return the keyed hash of a partner's reference to a person, for topics: 128 bits, 32 hex characters.

    Without the pepper it does not reveal the phone hash or open id.
    """
    return keyed(pepper, f"{partner_id}\x00{ref_type}\x00{ref_value}")


def meter_key(pepper: str, meter_ref: str) -> str:
    """Return the keyed hash of an electricity meter, for topics: 128 bits, 32 hex characters.

    It does not depend on the partner: a meter that two partners report is one meter.
    """
    return keyed(pepper, f"meter\x00{meter_ref}")


def event_key(partner_id: str, event_id: str) -> uuid.UUID:
    """Return the permanent id of a partner's event: the activity's id, the key of the inbox and of the proof."""
    digest = hashlib.sha256(f"carbon-inclusion/event/v1\x00{partner_id}\x00{event_id}".encode()).digest()
    return uuid.UUID(int=int.from_bytes(digest[:16]) & ~_UUID_MARKS | _UUID_8)


def keyed(pepper: str, message: str) -> str:
    """Return the first 128 bits of the HMAC-SHA256 of a message, in 32 hex characters."""
    digest = _keyed_hmac(pepper).copy()
    digest.update(message.encode())
    return digest.hexdigest()[:32]


@lru_cache(maxsize=4)
def _keyed_hmac(pepper: str) -> hmac.HMAC:
    """An HMAC with the pepper already absorbed: that costs more than a message."""
    return hmac.new(pepper.encode(), digestmod="sha256")
