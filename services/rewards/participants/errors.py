"""Refusals of taking part in rankings."""

from services.rewards.sentences import recognition as sentences
from shared.errors import Conflict


class PseudonymTaken(Conflict):
    code = "PSEUDONYM_TAKEN"
    says = sentences.PSEUDONYM_TAKEN
