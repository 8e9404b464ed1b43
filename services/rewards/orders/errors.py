"""Errors of orders, beside those of stock, budget and settlement."""

from shared.errors import Conflict, NotFound


class OrderNotFound(NotFound):
    code = "ORDER_NOT_FOUND"
    title_zh = "没有这个订单"
    title_en = "No such order"


class LimitReached(Conflict):
    code = "LIMIT_REACHED"
    title_zh = "已达每人限兑数量"
    title_en = "The limit per person is reached"
    detail_zh = "每人限兑 {limit} 件，减碳量没有扣除。"
    detail_en = "At most {limit} per person; no grams were taken."


class ClientRequestIdUsed(Conflict):
    code = "CLIENT_REQUEST_ID_USED"
    title_zh = "该 client_request_id 已有订单"
    title_en = "There is an order with this client_request_id"
    detail_zh = "没有重复下单，请查询 order_id 指向的订单。"
    detail_en = "No second order was made; see the one named by order_id."


class OrderNotCancellable(Conflict):
    code = "ORDER_NOT_CANCELLABLE"
    title_zh = "订单已完成，不能取消"
    title_en = "A completed order cannot be cancelled"
    detail_zh = "减碳量已支付，券已发放。"
    detail_en = "The grams are spent and the voucher is yours."
