"""When a budget is nearly used up. Pure."""

from typing import Final

# A sponsor needs weeks to decide about more money.
ALARM_PERCENT: Final = 80
LIMIT_FEN_MAX: Final = 10**12


def used_percent(limit_fen: int, used_fen: int) -> int:
    """Return the used part in whole percent, rounded down. A budget of nothing is used up."""
    return 100 if limit_fen <= 0 else used_fen * 100 // limit_fen
