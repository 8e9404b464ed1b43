"""Refusals of subscribe messages."""

from services.accounts.sentences import refusals
from shared.errors import Conflict


class MessageKindUnavailable(Conflict):
    code = "MESSAGE_KIND_UNAVAILABLE"
    says = refusals.MESSAGE_KIND_UNAVAILABLE
