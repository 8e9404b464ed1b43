"""Refusals about partners, their signatures and their registry."""

from shared.errors import Conflict, InvalidRequest, NotFound, Unauthenticated, Unavailable


class PartnersUnavailable(Unavailable):
    code = "PARTNERS_UNAVAILABLE"
    detail_zh = "合作方信息暂时无法读取，请稍后重试。"
    detail_en = "The partner registry cannot be read at the moment; try again."


class PartnerNotFound(NotFound):
    code = "PARTNER_NOT_FOUND"
    title_zh = "没有这个合作方"
    title_en = "No such partner"


class PartnerSignatureInvalid(Unauthenticated):
    """Extension `reason_code`: the code with which ingest refused the signature."""

    code = "SIGNATURE_INVALID"
    title_zh = "签名无效"
    title_en = "The signature is not valid"
    detail_zh = "请检查 app_key、时间戳（±300 秒）与待签名串。"
    detail_en = "Check app_key, timestamp (within 300 s) and the string that was signed."


class PartnerRequestReplayed(Conflict):
    code = "SIGNATURE_REPLAYED"
    title_zh = "该签名请求已使用过"
    title_en = "This signed request was used before"
    detail_zh = "重试时请使用新的 nonce 重新签名。"
    detail_en = "Sign the request again with another nonce."


class PartnerCodeInvalid(InvalidRequest):
    code = "PARTNER_CODE_INVALID"
    title_zh = "合作方授权码无效"
    title_en = "The partner's authorization code is not valid"
    detail_zh = "授权码无效或已过期，请重新授权。"
    detail_en = "The code is wrong or expired; authorize again."


class PartnerUnavailable(Unavailable):
    code = "PARTNER_UNAVAILABLE"
    title_zh = "合作方服务暂时不可用"
    title_en = "The partner is temporarily unavailable"
    detail_zh = "请稍后重新授权。"
    detail_en = "Authorize again in a moment."
