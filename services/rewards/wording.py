"""How amounts and titles are said to people, Chinese first."""

from typing import Annotated

from fastapi import Depends, Request

from shared.errors import Language
from shared.problems import language_of

_GRAMS_PER_TONNE = 1_000_000


def _asked(request: Request) -> Language:
    return language_of(request.headers.get("accept-language"))


AskedLanguage = Annotated[Language, Depends(_asked)]


def in_language(language: Language, zh: str, en: str) -> str:
    return zh if language == "zh" else en


def display(amount_mg: int, language: Language = "zh") -> str:
    """Milligrams for people: whole grams, then kilograms and tonnes with two decimals, always rounded down.

    >>> display(170_999), display(5_000_000), display(30_000_000_000)
    ('170 克', '5.00 千克', '30.00 吨')
    """
    gram, kilogram, tonne = ("克", "千克", "吨") if language == "zh" else ("g", "kg", "t")
    grams = amount_mg // 1000
    if grams < 1000:
        return f"{grams} {gram}"
    whole, unit = (1000, kilogram) if grams < _GRAMS_PER_TONNE else (_GRAMS_PER_TONNE, tonne)
    return f"{grams // whole}.{grams % whole * 100 // whole:02d} {unit}"
