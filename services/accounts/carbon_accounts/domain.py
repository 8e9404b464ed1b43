"""Account numbers: two letters of the city, eleven random digits and a check digit.

The check digit is Luhn's (ISO/IEC 7812-1 Annex B) over the twelve digits. It detects every single wrong digit and every
swap of neighbours except 09/90. The digits are random, so that a number reveals neither how many accounts exist nor
when this one was opened.
"""

import re

RANDOM_DIGITS = 11
_ACCOUNT_NO = re.compile(r"[A-Z]{2}[0-9]{12}")


def luhn_check_digit(digits: str) -> str:
    """Return Luhn's check digit for a string of decimal digits."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def compose_account_no(prefix: str, number: int) -> str:
    """Return the account number for a city prefix and a random number of at most RANDOM_DIGITS digits."""
    digits = f"{number:0{RANDOM_DIGITS}d}"
    return prefix + digits + luhn_check_digit(digits)


def is_account_no(account_no: str) -> bool:
    return bool(_ACCOUNT_NO.fullmatch(account_no)) and luhn_check_digit(account_no[2:-1]) == account_no[-1]
