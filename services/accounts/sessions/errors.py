from services.accounts.sentences import refusals
from shared.errors import Unauthenticated


class RefreshTokenInvalid(Unauthenticated):
    code = "REFRESH_TOKEN_INVALID"
    says = refusals.REFRESH_TOKEN_INVALID


class SessionEnded(Unauthenticated):
    code = "SESSION_ENDED"
    says = refusals.SESSION_ENDED


class RefreshTokenReused(RefreshTokenInvalid):
    code = "REFRESH_TOKEN_REUSED"
    says = refusals.REFRESH_TOKEN_REUSED
