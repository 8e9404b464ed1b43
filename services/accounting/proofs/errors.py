"""Refusals of the proofs."""

from shared.errors import AppError, Conflict, NotFound


class CreditNotFound(NotFound):
    code = "CREDIT_NOT_FOUND"
    title_zh = "没有这次行为的入账"
    title_en = "This activity has no credit"
    detail_zh = "只有累计过减碳量的行为才有存在证明。"
    detail_en = "Only an activity that earned grams has a proof."


class NotYetSealed(Conflict):
    code = "NOT_YET_SEALED"
    retryable = True
    title_zh = "这一天还没有封存"
    title_en = "This day is not sealed yet"
    detail_zh = "{day} 的账目将在 {sealed_after} 之后封存，届时可取得证明。"
    detail_en = "The postings of {day} are sealed after {sealed_after}. The proof exists from then on."


class DigestNotFound(NotFound):
    code = "DIGEST_NOT_FOUND"
    title_zh = "没有这一天的摘要"
    title_en = "There is no digest of this day"


class SealBroken(AppError):
    """The ledger differs from its seal: someone with more rights than this service changed it."""

    code = "SEAL_BROKEN"
    status = 500
    title_zh = "账目与封存不符"
    title_en = "The ledger differs from its seal"
    detail_zh = "{day} 的账目在封存之后被改动，请告知运营方。"
    detail_en = "Postings of {day} were changed after they were sealed. Please inform the operator."
