from services.accounts.sentences import refusals
from shared.errors import InvalidRequest


class BindingStateInvalid(InvalidRequest):
    """One answer for forged, unknown, expired and used states, and for those of another person, session or partner."""

    code = "BINDING_STATE_INVALID"
    says = refusals.BINDING_STATE_INVALID


class PartnerIssuerMismatch(InvalidRequest):
    """The answer names another authorization server than the partner's (RFC 9207), or none."""

    code = "PARTNER_ISSUER_MISMATCH"
    says = refusals.PARTNER_ISSUER_MISMATCH
