from services.accounts.sentences import operator_refusals
from shared.errors import Conflict, Forbidden, TooManyRequests, Unauthenticated


class LogInRefused(Unauthenticated):
    code = "LOG_IN_REFUSED"
    says = operator_refusals.LOG_IN_REFUSED


class LogInLocked(TooManyRequests):
    code = "LOG_IN_LOCKED"
    says = operator_refusals.LOG_IN_LOCKED


class LocalLogInOff(Conflict):
    code = "LOCAL_LOG_IN_OFF"
    says = operator_refusals.LOCAL_LOG_IN_OFF


class ProviderLogInOff(Conflict):
    code = "PROVIDER_LOG_IN_OFF"
    says = operator_refusals.PROVIDER_LOG_IN_OFF


class OperatorWithoutRole(Forbidden):
    code = "OPERATOR_WITHOUT_ROLE"
    says = operator_refusals.OPERATOR_WITHOUT_ROLE


class OperatorDisabled(Forbidden):
    code = "OPERATOR_DISABLED"
    says = operator_refusals.OPERATOR_DISABLED


class OperatorElsewhere(Conflict):
    code = "OPERATOR_ELSEWHERE"
    says = operator_refusals.OPERATOR_ELSEWHERE
