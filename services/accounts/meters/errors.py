from services.accounts.sentences import family_refusals as refusals
from shared.errors import Conflict, NotFound


class MeterTaken(Conflict):
    code = "METER_TAKEN"
    says = refusals.METER_TAKEN


class MeterClaimNotFound(NotFound):
    """One answer to the grid company for an unknown account, another meter, and a claim that has ended."""

    code = "METER_CLAIM_NOT_FOUND"
    says = refusals.METER_CLAIM_NOT_FOUND
