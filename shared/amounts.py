"""Milligrams in a form for people: grams below a kilogram, then kilograms, then tonnes. Pure.

Balances, prices and certificates are rounded (`display`). Explanations of a calculation are exact (`exact`). The unit
depends on the size alone, so one amount is never shown in two units.
"""

from shared.language import Language, Text

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


def grams(amount_mg: int) -> Text:
    """Return `display` in both languages, for sentences."""
    return Text(display(amount_mg, "zh"), display(amount_mg, "en"))


def exact(amount_mg: int) -> Text:
    """Return all digits of an amount. Kilograms and tonnes have two decimals at least.

    >>> exact(94_400).zh, exact(3_000_000).zh, exact(1_234_567).zh, exact(-2_000).zh, exact(0).zh
    ('94.4 克', '3.00 千克', '1.234567 千克', '−2 克', '0 克')
    """
    sign, size = "−" if amount_mg < 0 else "", abs(amount_mg)
    if size < _MG_PER_GRAM * _GRAMS_PER_KILOGRAM:
        number, zh, en = _decimal(size, 3, 0), "克", "g"
    elif size < _MG_PER_GRAM * _GRAMS_PER_TONNE:
        number, zh, en = _decimal(size, 6, 2), "千克", "kg"
    else:
        number, zh, en = _decimal(size, 9, 2), "吨", "t"
    return Text(f"{sign}{number} {zh}", f"{sign}{number} {en}")


def _decimal(value: int, places: int, at_least: int) -> str:
    """Return value / 10**places without trailing zeros, but with `at_least` decimals."""
    whole, rest = divmod(value, 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0").ljust(at_least, "0")
    return f"{whole}.{decimals}" if decimals else str(whole)
