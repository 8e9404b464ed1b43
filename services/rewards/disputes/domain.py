"""Kinds of disputes and what a decision moves. Pure."""

from enum import StrEnum
from typing import Final, Literal

DECIDE: Final = "dispute.decide"
Outcome = Literal["upheld", "refused"]


class DisputeKind(StrEnum):
    """`double_use` and `given_back` come from what a till accepted without a line."""

    DOUBLE_USE = "double_use"
    GIVEN_BACK = "given_back"
    MERCHANT = "merchant"
    SPONSOR = "sponsor"


class DisputeStatus(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    REFUSED = "refused"


def adjustment_fen(kind: str, outcome: str, fen: int) -> int:
    """What the shop gets more, negative: less. A sponsor's dispute takes the price back, the others pay it."""
    if outcome != DisputeStatus.UPHELD:
        return 0
    return -fen if kind == DisputeKind.SPONSOR else fen
