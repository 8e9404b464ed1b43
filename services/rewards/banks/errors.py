"""Errors of banks and of their signatures."""

from typing import Any, ClassVar, Literal

from services.rewards.sentences import loans as says
from shared.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated

Fault = Literal["MISSING", "MALFORMED", "UNKNOWN", "REVOKED", "ALGORITHM", "OUT_OF_WINDOW", "SIGNATURE", "REPLAYED"]


class BankSignatureInvalid(Unauthenticated):
    """No valid signature of a bank. `reason_code` is for who builds the bank's side."""

    code = "BANK_SIGNATURE_INVALID"
    members: ClassVar = {"reason_code": Fault}
    says = says.BANK_SIGNATURE_INVALID

    def __init__(self, reason_code: Fault = "MISSING", **more: Any) -> None:
        super().__init__(**{"extensions": {"reason_code": reason_code}, **more})


class BankSuspended(Forbidden):
    code = "BANK_SUSPENDED"
    says = says.BANK_SUSPENDED


class BankNotFound(NotFound):
    code = "BANK_NOT_FOUND"
    says = says.BANK_NOT_FOUND


class BankExists(Conflict):
    code = "BANK_EXISTS"
    says = says.BANK_EXISTS


class TooManyBanks(Conflict):
    code = "TOO_MANY_BANKS"
    says = says.TOO_MANY_BANKS


class BankActive(Conflict):
    """Nothing to resume."""

    code = "BANK_ACTIVE"
    says = says.BANK_ACTIVE


class BankKeyUnusable(InvalidRequest):
    code = "BANK_KEY_UNUSABLE"
    says = says.BANK_KEY_UNUSABLE


class BankKeyExists(Conflict):
    code = "BANK_KEY_EXISTS"
    says = says.BANK_KEY_EXISTS


class BankKeyNotFound(NotFound):
    code = "BANK_KEY_NOT_FOUND"
    says = says.BANK_KEY_NOT_FOUND


class TooManyBankKeys(Conflict):
    code = "TOO_MANY_BANK_KEYS"
    says = says.TOO_MANY_BANK_KEYS
