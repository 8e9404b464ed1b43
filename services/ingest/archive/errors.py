"""Refusals of the archive."""

from shared.errors import NotFound


class EventNotFound(NotFound):
    code = "EVENT_NOT_FOUND"
    title_zh = "没有找到该事件"
    title_en = "No such event"
    detail_zh = "贵方没有提交过这个事件 id，或刚刚提交、尚未归档；请稍后再查。"
    detail_en = "You did not send an event with this id, or it is not archived yet. Query again in a moment."


class ReceiptNotFound(NotFound):
    code = "RECEIPT_NOT_FOUND"
    title_zh = "没有找到该回执"
    title_en = "No such receipt"
    detail_zh = "我方没有向贵方签发过这个回执号，或其记录已过保存期。"
    detail_en = "This receipt was not issued to you, or its record has expired."
