"""What the activities capability refuses."""

from shared.errors import NotFound


class ActivityNotFound(NotFound):
    code = "ACTIVITY_NOT_FOUND"
    title_zh = "没有这条减碳记录"
    title_en = "No such activity"
