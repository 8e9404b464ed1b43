"""Errors of the voucher pools."""

from shared.errors import InternalError, NotFound


class VoucherNotFound(NotFound):
    code = "VOUCHER_NOT_FOUND"
    title_zh = "没有这张券"
    title_en = "No such voucher"


class PoolShort(InternalError):
    """There are fewer codes than reserved pieces: stock or pool was changed alone. An operator must repair it."""

    code = "VOUCHER_POOL_SHORT"
