"""Names by which services speak of people without naming them."""

import hashlib
import hmac
import uuid
from functools import lru_cache

_PERSON_ACCOUNT_NAMESPACE = uuid.UUID("5b3a9f0e-6d0c-5f7e-9d53-6a1b1f0c7a10")
_HOUSEHOLD_ACCOUNT_NAMESPACE = uuid.UUID("8d2f6c1b-0b5e-5c43-a7a1-3f0e9e4d5b26")
# Version and variant of a UUID: version 8 is made by a rule of our own (RFC 9562, section 5.8).
_UUID_MARKS, _UUID_8 = 0xF << 76 | 0x3 << 62, 0x8 << 76 | 0x2 << 62


def person_account_id(user_id: uuid.UUID) -> uuid.UUID:
    """The personal carbon account of a user. Derived, so that no service has to ask or wait for a message."""
    return uuid.uuid5(_PERSON_ACCOUNT_NAMESPACE, user_id.hex)


def household_account_id(household_id: uuid.UUID) -> uuid.UUID:
    """The carbon account of a household, derived as a person's is."""
    return uuid.uuid5(_HOUSEHOLD_ACCOUNT_NAMESPACE, household_id.hex)


def account_key(pepper: str, partner_id: str, ref_type: str, ref_value: str) -> str:
    """A partner's reference to a person, as it may travel on a topic: keyed, 128 bits, 32 hex characters.

    Without the pepper nobody can tell which phone hash or open id stands behind it.
    """
    return keyed(pepper, f"{partner_id}\x00{ref_type}\x00{ref_value}")


def meter_key(pepper: str, meter_ref: str) -> str:
    """An electricity meter as it may travel on a topic: keyed, 128 bits, 32 hex characters.

    Without a partner in it: one meter that two partners report is one meter.
    """
    return keyed(pepper, f"meter\x00{meter_ref}")


def event_key(partner_id: str, event_id: str) -> uuid.UUID:
    """The identity of a partner's event, for ever: the activity's id, the inbox key, the record that proves it."""
    digest = hashlib.sha256(f"carbon-inclusion/event/v1\x00{partner_id}\x00{event_id}".encode()).digest()
    return uuid.UUID(int=int.from_bytes(digest[:16]) & ~_UUID_MARKS | _UUID_8)


def keyed(pepper: str, message: str) -> str:
    """HMAC-SHA256 of a message under the pepper, its first 128 bits in 32 hex characters."""
    digest = _under(pepper).copy()
    digest.update(message.encode())
    return digest.hexdigest()[:32]


@lru_cache(maxsize=4)
def _under(pepper: str) -> hmac.HMAC:
    """With the pepper taken in: to take it in anew for every message costs more than the message."""
    return hmac.new(pepper.encode(), digestmod="sha256")
