from services.accounts.sentences import enterprise_refusals as refusals
from shared.errors import Unavailable


class HoldingsUnavailable(Unavailable):
    code = "HOLDINGS_UNAVAILABLE"
    says = refusals.HOLDINGS_UNAVAILABLE
