"""The day on which a person turns 14, as far as it was told. Pure."""

from datetime import date
from typing import Final

AGE_OF_OWN_CONSENT: Final = 14


def turns_14_on(birth_month: str) -> date:
    """Return the first day on which a person of this birth month (YYYY-MM) is 14 for sure. The birthday is not asked.

    Raises ValueError.
    """
    born = date.fromisoformat(f"{birth_month}-01")
    year, month = born.year + AGE_OF_OWN_CONSENT, born.month + 1
    return date(year + 1, 1, 1) if month > 12 else date(year, month, 1)


def latest_14th_birthday(today: date) -> date:
    """Return the last day on which somebody who is under 14 today turns 14. The guardian tells the month later."""
    return date(today.year + AGE_OF_OWN_CONSENT, today.month, 1)
