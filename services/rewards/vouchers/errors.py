"""Errors of the voucher pools."""

from services.rewards.sentences import mall, refusals
from shared.errors import Conflict, InternalError, NotFound


class VoucherNotFound(NotFound):
    code = "VOUCHER_NOT_FOUND"
    says = refusals.VOUCHER_NOT_FOUND


class VoucherOpened(Conflict):
    code = "VOUCHER_OPENED"
    says = refusals.VOUCHER_OPENED


class PoolShort(InternalError):
    """There are fewer codes than reserved pieces: stock or pool was changed alone. An operator must repair it."""

    code = "VOUCHER_POOL_SHORT"
    says = refusals.VOUCHER_POOL_SHORT


class StockTooLow(Conflict):
    code = "STOCK_TOO_LOW"
    says = mall.STOCK_TOO_LOW


class CodesOfPartner(Conflict):
    code = "CODES_OF_PARTNER"
    says = mall.CODES_OF_PARTNER
