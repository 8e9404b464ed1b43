"""Refusals at the till."""

from datetime import datetime
from typing import ClassVar

from services.rewards.sentences import tills as says
from shared.errors import Conflict, NotFound


class VoucherUsed(Conflict):
    """The voucher was used before. The members say when and where."""

    code = "VOUCHER_USED"
    members: ClassVar = {"used_at": datetime, "shop_id": str, "shop_name": str, "same_till": bool}
    says = says.VOUCHER_USED


class VoucherGivenBack(Conflict):
    code = "VOUCHER_GIVEN_BACK"
    says = says.VOUCHER_GIVEN_BACK


class VoucherExpired(Conflict):
    code = "VOUCHER_EXPIRED"
    says = says.VOUCHER_EXPIRED


class VoucherNotYetValid(Conflict):
    code = "VOUCHER_NOT_YET_VALID"
    says = says.VOUCHER_NOT_YET_VALID


class VoucherNotTakenHere(Conflict):
    code = "VOUCHER_NOT_TAKEN_HERE"
    says = says.VOUCHER_NOT_TAKEN_HERE


class CodeStale(Conflict):
    """A code of an earlier half minute: a picture of the screen, or a phone without a line."""

    code = "VOUCHER_CODE_STALE"
    says = says.VOUCHER_CODE_STALE


class RedemptionNotFound(NotFound):
    code = "REDEMPTION_NOT_FOUND"
    says = says.REDEMPTION_NOT_FOUND


class UndoTooLate(Conflict):
    code = "UNDO_TOO_LATE"
    says = says.UNDO_TOO_LATE


class VoucherRefunded(Conflict):
    """Operators gave the order back after the use, so that the guest has the grams and the shop keeps its money."""

    code = "VOUCHER_REFUNDED"
    says = says.VOUCHER_REFUNDED


class UndoOtherTill(Conflict):
    code = "UNDO_OTHER_TILL"
    says = says.UNDO_OTHER_TILL
