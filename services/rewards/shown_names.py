"""Names that other people see: of a team, and of a donor. Their form only.

Letters, digits, marks, signs and the space. No invisible characters, which could pose as another name. Few digits:
more are a phone number.
"""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from services.rewards.sentences import fields
from shared.errors import InvalidValue

NAME_CHARS_MAX: Final = 20
# The joiner and the variation selector of emoji.
_JOINERS: Final = frozenset("\u200d\ufe0f")
_CATEGORIES: Final = frozenset("LNPSM")
_DIGITS_MAX: Final = 5


def plain_name(text: str) -> str:
    """Return the name in one spelling. Raises InvalidValue."""
    plain = unicodedata.normalize("NFC", text)
    if not all(char == " " or char in _JOINERS or unicodedata.category(char)[0] in _CATEGORIES for char in plain):
        raise InvalidValue(fields.NAME_INVISIBLE)
    if sum(unicodedata.category(char)[0] == "N" for char in plain) > _DIGITS_MAX:
        raise InvalidValue(fields.NAME_DIGITS)
    return plain


ShownName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARS_MAX),
    AfterValidator(plain_name),
    Field(examples=["东湖骑行队"]),
]
