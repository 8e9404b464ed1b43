"""Refusals about partners, their signatures and their registry."""

from typing import ClassVar

from services.accounts.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound, Unauthenticated, Unavailable


class PartnersUnavailable(Unavailable):
    code = "PARTNERS_UNAVAILABLE"
    says = refusals.PARTNERS_UNAVAILABLE


class PartnerNotFound(NotFound):
    code = "PARTNER_NOT_FOUND"
    says = refusals.PARTNER_NOT_FOUND


class PartnerSignatureInvalid(Unauthenticated):
    """Extension `reason_code`: the code with which ingest refused the signature."""

    code = "SIGNATURE_INVALID"
    members: ClassVar = {"reason_code": str}
    says = refusals.SIGNATURE_INVALID


class PartnerRequestReplayed(Conflict):
    code = "SIGNATURE_REPLAYED"
    says = refusals.SIGNATURE_REPLAYED


class PartnerCodeInvalid(InvalidRequest):
    code = "PARTNER_CODE_INVALID"
    says = refusals.PARTNER_CODE_INVALID


class PartnerUnavailable(Unavailable):
    code = "PARTNER_UNAVAILABLE"
    says = refusals.PARTNER_UNAVAILABLE
