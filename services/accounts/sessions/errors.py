from services.accounts.sentences import refusals
from shared.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated


class RefreshTokenInvalid(Unauthenticated):
    code = "REFRESH_TOKEN_INVALID"
    says = refusals.REFRESH_TOKEN_INVALID


class SessionNotFound(NotFound):
    code = "SESSION_NOT_FOUND"
    says = refusals.SESSION_NOT_FOUND


class StepUpRequired(Forbidden):
    code = "STEP_UP_REQUIRED"
    says = refusals.STEP_UP_REQUIRED


class StepUpOtherPerson(Forbidden):
    code = "STEP_UP_OTHER_PERSON"
    says = refusals.STEP_UP_OTHER_PERSON


class StepUpCodeInvalid(InvalidRequest):
    """Not a 401: the caller is logged in and stays so."""

    code = "STEP_UP_CODE_INVALID"
    says = refusals.STEP_UP_CODE_INVALID


class RefreshTokenReused(RefreshTokenInvalid):
    code = "REFRESH_TOKEN_REUSED"
    says = refusals.REFRESH_TOKEN_REUSED
