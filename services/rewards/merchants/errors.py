"""Errors of merchants, shops, tills and their credentials."""

from typing import Any, ClassVar, Literal

from services.rewards.sentences import merchants as says
from shared.errors import Conflict, Forbidden, NotFound, Unauthenticated

Fault = Literal[
    "MISSING", "MALFORMED", "UNKNOWN", "REVOKED", "ALGORITHM", "OUT_OF_WINDOW", "SIGNATURE", "REPLAYED", "ENDED"
]


class MerchantCredentialInvalid(Unauthenticated):
    """No till token and no valid signature. `reason_code` is for who builds the till."""

    code = "MERCHANT_CREDENTIAL_INVALID"
    members: ClassVar = {"reason_code": Fault}
    says = says.MERCHANT_CREDENTIAL_INVALID

    def __init__(self, reason_code: Fault = "MISSING", **more: Any) -> None:
        super().__init__(**{"extensions": {"reason_code": reason_code}, **more})


class EnrolmentInvalid(Unauthenticated):
    """The enrolment code does not exist, was used, or is over."""

    code = "ENROLMENT_INVALID"
    says = says.ENROLMENT_INVALID


class MerchantSuspended(Forbidden):
    code = "MERCHANT_SUSPENDED"
    says = says.MERCHANT_SUSPENDED


class KeyNeeded(Forbidden):
    """A till may not do this, only the merchant's own system with its key."""

    code = "MERCHANT_KEY_NEEDED"
    says = says.MERCHANT_KEY_NEEDED


class MerchantNotFound(NotFound):
    code = "MERCHANT_NOT_FOUND"
    says = says.MERCHANT_NOT_FOUND


class ShopNotFound(NotFound):
    code = "SHOP_NOT_FOUND"
    says = says.SHOP_NOT_FOUND


class TillNotFound(NotFound):
    code = "TILL_NOT_FOUND"
    says = says.TILL_NOT_FOUND


class KeyNotFound(NotFound):
    code = "MERCHANT_KEY_NOT_FOUND"
    says = says.MERCHANT_KEY_NOT_FOUND


class MerchantExists(Conflict):
    code = "MERCHANT_EXISTS"
    says = says.MERCHANT_EXISTS


class ShopExists(Conflict):
    code = "SHOP_EXISTS"
    says = says.SHOP_EXISTS


class NotSuspended(Conflict):
    code = "MERCHANT_NOT_SUSPENDED"
    says = says.MERCHANT_NOT_SUSPENDED


class TooManyOfThem(Conflict):
    """The bound of keys, shops or tills is reached."""

    code = "MERCHANT_LIMIT_REACHED"
    says = says.MERCHANT_LIMIT_REACHED


class KeyUnusable(Conflict):
    """The text is not a public key of this algorithm."""

    code = "MERCHANT_KEY_UNUSABLE"
    says = says.MERCHANT_KEY_UNUSABLE
