from services.accounting.sentences import refusals
from shared.errors import Conflict


class AccountErased(Conflict):
    code = "ACCOUNT_ERASED"
    says = refusals.ACCOUNT_ERASED
