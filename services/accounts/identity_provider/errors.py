from services.accounts.sentences import operator_refusals
from shared.errors import Unauthenticated, Unavailable


class ProviderUnavailable(Unavailable):
    code = "IDENTITY_PROVIDER_UNAVAILABLE"
    says = operator_refusals.IDENTITY_PROVIDER_UNAVAILABLE


class IdentityRefused(Unauthenticated):
    code = "IDENTITY_REFUSED"
    says = operator_refusals.IDENTITY_REFUSED
