"""Masking of phone numbers."""

_TAIL = 4
_CHINA = "+86"


def mask_number(e164: str) -> str:
    """Mask an E.164 number: `+8613812345678` → `138****5678`. Other countries keep only the last four digits."""
    if e164.startswith(_CHINA) and len(e164) == len(_CHINA) + 11:
        number = e164.removeprefix(_CHINA)
        return f"{number[:3]}****{number[-_TAIL:]}"
    return f"****{e164[-_TAIL:]}"
