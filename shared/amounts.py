"""Milligrams in a form for people. Every credit, price and certificate shows its amount this way."""

from shared.language import Language

_MG_PER_GRAM = 1000
_GRAMS_PER_KILOGRAM = 1000
_GRAMS_PER_TONNE = 1_000_000


def display(amount_mg: int, language: Language = "zh") -> str:
    """Format as whole grams, or as kilograms or tonnes with two decimals, always rounded towards zero.

    >>> display(170_999), display(5_000_000), display(30_000_000_000), display(-500)
    ('170 克', '5.00 千克', '30.00 吨', '0 克')
    """
    gram, kilogram, tonne = ("克", "千克", "吨") if language == "zh" else ("g", "kg", "t")
    sign = "-" if amount_mg <= -_MG_PER_GRAM else ""
    grams = abs(amount_mg) // _MG_PER_GRAM
    if grams < _GRAMS_PER_KILOGRAM:
        return f"{sign}{grams} {gram}"
    whole, unit = (_GRAMS_PER_KILOGRAM, kilogram) if grams < _GRAMS_PER_TONNE else (_GRAMS_PER_TONNE, tonne)
    return f"{sign}{grams // whole}.{grams % whole * 100 // whole:02d} {unit}"
