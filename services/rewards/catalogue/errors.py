"""Errors of the catalogue."""

from shared.errors import Conflict, NotFound


class ItemNotFound(NotFound):
    code = "ITEM_NOT_FOUND"
    title_zh = "没有这件商品"
    title_en = "No such item"


class SoldOut(Conflict):
    code = "SOLD_OUT"
    title_zh = "已兑完"
    title_en = "Sold out"
    detail_zh = "库存不足，减碳量没有扣除。"
    detail_en = "Not enough pieces are left; no grams were taken."


class SaleClosed(Conflict):
    code = "SALE_CLOSED"
    title_zh = "不在兑换时间内"
    title_en = "Not on sale now"
