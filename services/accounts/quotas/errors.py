from shared.errors import TooManyRequests


class QuotaExceeded(TooManyRequests):
    code = "QUOTA_EXCEEDED"
    detail_zh = "每 {window_s} 秒最多 {at_most} 次，请稍后再试。"
    detail_en = "At most {at_most} times in {window_s} seconds; try again later."
