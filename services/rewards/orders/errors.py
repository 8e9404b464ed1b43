"""Errors of orders, beside those of stock, budget and settlement."""

from typing import ClassVar, Final
from uuid import UUID

from services.rewards.catalogue.domain import Span
from services.rewards.sentences import refusals
from shared.errors import Conflict, NotFound
from shared.language import Text

_OVER_ITS_LIFE: Final = Text("", "")
_SPANS: Final = {
    Span.DAY: Text("每天", " each day"),
    Span.MONTH: Text("每月", " each month"),
    Span.PROMOTION: Text("在本次活动中", " in this promotion"),
}


class OrderNotFound(NotFound):
    code = "ORDER_NOT_FOUND"
    says = refusals.ORDER_NOT_FOUND


class LimitReached(Conflict):
    """`limit` pieces in `span`, or over the whole life of the item."""

    code = "LIMIT_REACHED"
    members: ClassVar = {"limit_span": {"type": "string", "enum": [span.value for span in Span]}}
    says = refusals.LIMIT_REACHED

    def __init__(self, *, limit: int, span: Span | None = None) -> None:
        extensions = {} if span is None else {"limit_span": span.value}
        window = _OVER_ITS_LIFE if span is None else _SPANS[span]
        super().__init__(extensions=extensions, limit=limit, window=window)


class ClientRequestIdUsed(Conflict):
    code = "CLIENT_REQUEST_ID_USED"
    members: ClassVar = {"order_id": UUID}
    says = refusals.CLIENT_REQUEST_ID_USED


class OrderNotCancellable(Conflict):
    code = "ORDER_NOT_CANCELLABLE"
    says = refusals.ORDER_NOT_CANCELLABLE
