"""Identifiers of people, meters, vehicles and events that contain no personal data."""

import hashlib
import hmac
import re
import unicodedata
import uuid
from functools import lru_cache
from typing import Final

_PERSON_ACCOUNT_NAMESPACE = uuid.UUID("5b3a9f0e-6d0c-5f7e-9d53-6a1b1f0c7a10")
_HOUSEHOLD_ACCOUNT_NAMESPACE = uuid.UUID("8d2f6c1b-0b5e-5c43-a7a1-3f0e9e4d5b26")
_ENTERPRISE_ACCOUNT_NAMESPACE = uuid.UUID("2f7f4f52-94f3-5b1e-8e0d-6c1f0a5d9b37")
# Version and variant bits of a UUID. Version 8 is for custom rules (RFC 9562, section 5.8).
_UUID_MARKS, _UUID_8 = 0xF << 76 | 0x3 << 62, 0x8 << 76 | 0x2 << 62
# Vehicles with a number plate, which names one vehicle everywhere. A bike's number names one only inside its fleet.
_PLATED: Final = frozenset({"car", "truck", "motorcycle", "moped"})
_UUID_DIGITS: Final = re.compile(r"[0-9A-F]{32}")
# Dashes, spaces, control and invisible characters, by Unicode category.
_SEPARATORS: Final = frozenset({"Pd", "Zs", "Zl", "Zp", "Cc", "Cf"})
_OTHER_SEPARATORS: Final = frozenset("\u2212\u00b7\u2022\u30fb")  # minus, and the dots in printed number plates


def person_account_id(user_id: uuid.UUID) -> uuid.UUID:
    """Return the personal carbon account of a user. It is derived, so no service needs a call or a message for it."""
    return uuid.uuid5(_PERSON_ACCOUNT_NAMESPACE, user_id.hex)


def household_account_id(household_id: uuid.UUID) -> uuid.UUID:
    """Return the carbon account of a household, derived like that of a person."""
    return uuid.uuid5(_HOUSEHOLD_ACCOUNT_NAMESPACE, household_id.hex)


def enterprise_account_id(enterprise_id: uuid.UUID) -> uuid.UUID:
    """Return the carbon account of an enterprise, derived like that of a person."""
    return uuid.uuid5(_ENTERPRISE_ACCOUNT_NAMESPACE, enterprise_id.hex)


def account_key(pepper: str, partner_id: str, ref_type: str, ref_value: str) -> str:
    """Return the keyed hash of a partner's reference to a person, for topics: 128 bits, 32 hex characters.

    Without the pepper it does not reveal the phone hash or open id.
    """
    return keyed(pepper, f"{partner_id}\x00{ref_type}\x00{ref_value}")


def meter_key(pepper: str, meter_ref: str) -> str:
    """Return the keyed hash of an electricity meter, for topics: 128 bits, 32 hex characters.

    It depends neither on the partner nor on the spelling: a meter that two partners report is one meter.
    """
    return keyed(pepper, f"meter\x00{plain_reference(meter_ref)}")


def vehicle_key(pepper: str, partner_id: str, vehicle_type: str, vehicle_ref: str) -> str:
    """Return the keyed hash of a vehicle, for topics: 128 bits, 32 hex characters.

    A vehicle with a number plate, or with a UUID, is the same for all partners. Any other number belongs to one
    partner's fleet: two bike companies may use the same one.
    """
    plain = plain_reference(vehicle_ref)
    fleet = "" if vehicle_type in _PLATED or _UUID_DIGITS.fullmatch(plain) else partner_id
    return keyed(pepper, f"vehicle\x00{fleet}\x00{plain}")


def plain_reference(text: str) -> str:
    """Return one spelling of a number: NFKC, upper case, without spaces, dashes and invisible characters."""
    if text.isascii() and text.isalnum():
        return text.upper()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    kept = (char for char in folded if char not in _OTHER_SEPARATORS and unicodedata.category(char) not in _SEPARATORS)
    return unicodedata.normalize("NFKC", "".join(kept)) or folded


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
