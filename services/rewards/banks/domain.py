"""The bounds of a bank's registration. Pure."""

from datetime import timedelta
from typing import Final

from shared.auth.cp1 import ED25519, RSA_SHA256, SM2_SM3, WINDOW_S

BANKS_MAX: Final = 50  # a city has tens of banks
KEYS_MAX: Final = 2  # live ones, so that a bank can rotate
# A bank has a key pair of its own. We hold the public half, so nobody here can sign as a bank.
ALGORITHMS: Final = (ED25519, RSA_SHA256, SM2_SM3)
APP_KEY_PATTERN: Final = r"^bk-[a-z0-9-]{3,80}$"
FEN_PER_KG_MAX: Final = 100_000
MONTH_FEN_MAX: Final = 10**7
ANSWER_HOURS_MAX: Final = 168
# Older timestamps are refused, so their nonces need not be known.
NONCES_KEPT: Final = timedelta(seconds=3 * WINDOW_S)
