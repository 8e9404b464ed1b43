"""Texts that other people see, such as the name of a household and a nickname: their form, and their check.

The check comes before the first statement of a request, so that no database connection waits for WeChat.
"""

import unicodedata
import uuid
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from services.accounts.resources import RequestResources
from services.accounts.sentences import family_refusals as refusals
from services.accounts.text_checks import service as text_checks
from services.accounts.text_checks.service import TextKind
from shared.errors import InvalidRequest

# The joiner and the variation selector of emoji, beside letters, digits, marks, signs and the space.
_JOINERS: Final = frozenset("\u200d\ufe0f")
_CATEGORIES: Final = frozenset("LNPSM")
# More digits are a phone number, and no name.
_DIGITS_MAX: Final = 5


class TextNotAllowed(InvalidRequest):
    code = "TEXT_NOT_ALLOWED"
    says = refusals.TEXT_NOT_ALLOWED


def _plain(text: str) -> str:
    """Return the text in one spelling. Refuses invisible and control characters, which could pose as another name."""
    plain = unicodedata.normalize("NFC", text)
    if not all(char == " " or char in _JOINERS or unicodedata.category(char)[0] in _CATEGORIES for char in plain):
        raise ValueError("invisible characters")
    return plain


HouseholdName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20),
    AfterValidator(_plain),
    Field(examples=["江边三口之家"]),
]
Nickname = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=12),
    AfterValidator(_plain),
    Field(examples=["小雨"]),
]


async def require_shown_text(
    resources: RequestResources, *, user_id: uuid.UUID, kind: TextKind, text: str | None
) -> None:
    """Require that a text may be shown to others.

    Raises TextNotAllowed and what `text_checks.require_harmless` raises, with TextRisky and TextUnderReview.
    """
    if text is None:
        return
    if sum(unicodedata.category(char)[0] == "N" for char in text) > _DIGITS_MAX:
        raise TextNotAllowed
    await text_checks.require_harmless(
        resources.database, wechat=resources.wechat, vault=resources.vault, user_id=user_id, kind=kind, text=text
    )
