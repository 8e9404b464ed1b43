from services.accounts.sentences import refusals
from shared.errors import Conflict


class CarbonAccountNotOpened(Conflict):
    code = "CARBON_ACCOUNT_NOT_OPENED"
    says = refusals.CARBON_ACCOUNT_NOT_OPENED
