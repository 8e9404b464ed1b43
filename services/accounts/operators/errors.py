from services.accounts.sentences import operator_refusals, refusals
from shared.errors import InvalidRequest, NotFound, TooManyRequests


class AccountNoInvalid(InvalidRequest):
    code = "ACCOUNT_NO_INVALID"
    says = refusals.ACCOUNT_NO_INVALID


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    says = refusals.ACCOUNT_NOT_FOUND


class TooManyLookUps(TooManyRequests):
    code = "TOO_MANY_LOOK_UPS"
    says = operator_refusals.TOO_MANY_LOOK_UPS
