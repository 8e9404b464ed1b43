"""The unified social credit code, and the states of an enterprise. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal, get_args

from shared.contracts.enterprises_v1 import EnterpriseKind

EnterpriseState = Literal["applied", "under_review", "active", "suspended", "closed", "rejected"]
KINDS: Final[tuple[EnterpriseKind, ...]] = get_args(EnterpriseKind)
# An enterprise in one of these states holds its code.
HOLDING: Final = ("applied", "under_review", "active", "suspended")

# GB 32100-2015: 31 characters without I, O, S, V and Z, which look like digits.
_CHARACTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC: Final = re.compile(f"[{_CHARACTERS}]{{18}}")
_MODULUS: Final = len(_CHARACTERS)
_AFTER: Final[Mapping[EnterpriseState, frozenset[EnterpriseState]]] = {
    "applied": frozenset({"under_review", "rejected"}),
    "under_review": frozenset({"active", "rejected"}),
    "active": frozenset({"suspended", "closed"}),
    "suspended": frozenset({"active", "closed"}),
    "closed": frozenset(),
    "rejected": frozenset(),
}


def uscc_check_character(first: str) -> str:
    """Return the check character for the first 17 characters of a unified social credit code (GB 32100-2015)."""
    total = sum(_CHARACTERS.index(one) * pow(3, place, _MODULUS) for place, one in enumerate(first))
    return _CHARACTERS[-total % _MODULUS]


def is_uscc(text: str) -> bool:
    """Whether form and check character fit. There is one spelling: ASCII digits and capitals without spaces."""
    return _USCC.fullmatch(text) is not None and uscc_check_character(text[:17]) == text[17]


def is_visible(text: str) -> bool:
    """Whether a name consists of characters that a screen shows in their order: no controls, no marks of direction."""
    return all(unicodedata.category(one) not in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"} for one in text)


def may_become(state: EnterpriseState, following: EnterpriseState) -> bool:
    return following in _AFTER[state]
