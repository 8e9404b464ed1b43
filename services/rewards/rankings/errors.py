"""Refusals of rankings."""

from services.rewards.sentences import recognition as sentences
from shared.errors import Conflict


class DistrictNotChosen(Conflict):
    """The caller asked for the board of their district and has none."""

    code = "DISTRICT_NOT_CHOSEN"
    says = sentences.DISTRICT_NOT_CHOSEN
