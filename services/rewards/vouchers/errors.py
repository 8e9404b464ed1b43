"""Errors of the voucher pools."""

from services.rewards.sentences import mall, refusals
from shared.errors import Conflict, InternalError, NotFound


class VoucherNotFound(NotFound):
    code = "VOUCHER_NOT_FOUND"
    says = refusals.VOUCHER_NOT_FOUND


class VoucherOpened(Conflict):
    code = "VOUCHER_OPENED"
    says = refusals.VOUCHER_OPENED


class OrderUsed(Conflict):
    """A voucher of the order was used, so that the order cannot be given back."""

    code = "ORDER_USED"
    says = refusals.ORDER_USED


class OrderExpired(Conflict):
    code = "ORDER_EXPIRED"
    says = refusals.ORDER_EXPIRED


class SaleOutlastsValidity(Conflict):
    """Who orders late would get a voucher that is over."""

    code = "SALE_OUTLASTS_VALIDITY"
    says = refusals.SALE_OUTLASTS_VALIDITY


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
