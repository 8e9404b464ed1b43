from services.accounts.sentences import refusals
from shared.errors import TooManyRequests


class QuotaExceeded(TooManyRequests):
    code = "QUOTA_EXCEEDED"
    says = refusals.QUOTA_EXCEEDED
