"""Sealing keys as settings: `2:<32 bytes in base64 or hex>`. The number is the version byte of what the key seals.

A key without a number is version 1, as all keys were before the first rotation.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

_KEY_BYTES = 32
_NUMBERED = re.compile(r"([0-9]{1,3}):(.*)", re.DOTALL)
FIRST_VERSION = 1


@dataclass(frozen=True, slots=True)
class SealingKey:
    version: int
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealingKeys:
    """The key that seals, and further keys that only open: a former one, or one that is about to seal."""

    current: SealingKey
    former: tuple[SealingKey, ...] = ()


def decode_key(text: str) -> bytes:
    """Decode 32 bytes from base64 (either alphabet) or 64 hexadecimal digits. Raises ValueError."""
    try:
        if len(text) == 2 * _KEY_BYTES:
            return bytes.fromhex(text)
        key = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error) as exc:
        raise ValueError("neither base64 nor hexadecimal") from exc
    if len(key) != _KEY_BYTES:
        raise ValueError(f"must be {_KEY_BYTES} bytes")
    return key


def parse_key(text: str) -> SealingKey:
    """Raises ValueError."""
    numbered = _NUMBERED.fullmatch(text.strip())
    version, body = (int(numbered[1]), numbered[2]) if numbered else (FIRST_VERSION, text.strip())
    if not FIRST_VERSION <= version <= 255:
        raise ValueError("the number before the colon must be 1 to 255")
    return SealingKey(version, decode_key(body))


def parse_keys(current: str, former: str = "") -> SealingKeys:
    """`former`: keys with commas between them. Raises ValueError, also for two keys of one number or a key twice."""
    keys = SealingKeys(parse_key(current), tuple(parse_key(one) for one in split_list(former)))
    every = [keys.current, *keys.former]
    if len({one.version for one in every}) < len(every):
        raise ValueError("two keys have the same number: write a new key as `2:…`")
    if len({one.key for one in every}) < len(every):
        raise ValueError("the same key has two numbers")
    return keys


def split_list(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def without_number(text: str) -> str:
    """Return the key itself, for checks of its strength."""
    numbered = _NUMBERED.fullmatch(text.strip())
    return numbered[2] if numbered else text.strip()
