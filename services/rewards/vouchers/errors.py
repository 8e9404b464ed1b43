"""What the voucher pool refuses."""

from shared.errors import InternalError, NotFound


class VoucherNotFound(NotFound):
    code = "VOUCHER_NOT_FOUND"
    title_zh = "没有这张券"
    title_en = "No such voucher"


class PoolShort(InternalError):
    """Fewer codes than reserved pieces: stock and pool were changed apart from each other. An operator must look."""

    code = "VOUCHER_POOL_SHORT"
