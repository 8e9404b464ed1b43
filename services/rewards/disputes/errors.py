"""Errors of disputes."""

from services.rewards.sentences import settlements as says
from shared.errors import Conflict, NotFound


class DisputeNotFound(NotFound):
    code = "DISPUTE_NOT_FOUND"
    says = says.DISPUTE_NOT_FOUND


class DisputeExists(Conflict):
    code = "DISPUTE_EXISTS"
    says = says.DISPUTE_EXISTS


class NothingToDispute(Conflict):
    """A merchant disputes what was undone, a sponsor what was not."""

    code = "NOTHING_TO_DISPUTE"
    says = says.NOTHING_TO_DISPUTE


class DisputeDecided(Conflict):
    code = "DISPUTE_DECIDED"
    says = says.DISPUTE_DECIDED
