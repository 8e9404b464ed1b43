"""Errors of the voucher pools."""

from shared.errors import Conflict, InternalError, NotFound


class VoucherNotFound(NotFound):
    code = "VOUCHER_NOT_FOUND"
    says = refusals.VOUCHER_NOT_FOUND


class VoucherOpened(Conflict):
    code = "VOUCHER_OPENED"
    title_zh = "券码已经显示过，不能取消"
    title_en = "The code was shown, so the order cannot be cancelled"
    detail_zh = "这张券由合作方发码，看过券码后不能退回。券仍然有效，可以照常使用。"
    detail_en = "The partner issues these codes. Once shown, a code cannot be given back. The voucher stays valid."


class PoolShort(InternalError):
    """There are fewer codes than reserved pieces: stock or pool was changed alone. An operator must repair it."""

    code = "VOUCHER_POOL_SHORT"
    says = refusals.VOUCHER_POOL_SHORT
