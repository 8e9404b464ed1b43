"""Limits of family cards. Pure."""

from datetime import timedelta
from typing import Final, Literal

CardKind = Literal["paper", "transit"]
CodePurpose = Literal["handover", "proxy"]

# Grandparents of one side and one more. Each card has an account with limits of its own, so cards must be few.
LIVE_CARDS_MAX: Final = 3
# A few kilograms are a bowl of noodles. What a proxy spends for somebody else stays of that size.
LIMIT_MG_MAX: Final = 50_000_000
LIMIT_MG_DEFAULT: Final = 20_000_000
# After a window replaced the code of a card, the proxy has time to notice before a window can give the account away.
RENEWAL_WAIT: Final = timedelta(days=3)
CODE_LIFE: Final = timedelta(minutes=15)
