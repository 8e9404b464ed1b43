from services.accounts.sentences import operator_refusals
from shared.errors import NotFound, Unauthenticated


class OperatorSessionEnded(Unauthenticated):
    code = "OPERATOR_SESSION_ENDED"
    says = operator_refusals.OPERATOR_SESSION_ENDED


class OperatorRefreshInvalid(Unauthenticated):
    code = "OPERATOR_REFRESH_INVALID"
    says = operator_refusals.OPERATOR_REFRESH_INVALID


class LogInUnknown(Unauthenticated):
    code = "LOG_IN_UNKNOWN"
    says = operator_refusals.LOG_IN_UNKNOWN


class OperatorSessionNotFound(NotFound):
    code = "OPERATOR_SESSION_NOT_FOUND"
    says = operator_refusals.OPERATOR_SESSION_NOT_FOUND


class OperatorNotFound(NotFound):
    code = "OPERATOR_NOT_FOUND"
    says = operator_refusals.OPERATOR_NOT_FOUND
