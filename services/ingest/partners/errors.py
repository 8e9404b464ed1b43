"""Why a signed request is refused. Every refusal has a code of its own, because partners debug against them."""

from shared.auth.cp1 import WINDOW_S
from shared.errors import AppError, Conflict, NotFound, TooManyRequests, Unauthenticated, Unavailable


class SignatureMissing(Unauthenticated):
    code = "SIGNATURE_MISSING"
    title_zh = "缺少签名"
    title_en = "The request is not signed"
    detail_zh = '请携带 Authorization: CP1-HMAC-SHA256 app_key="…",timestamp="…",nonce="…",signature="…"。'
    detail_en = 'Send Authorization: CP1-HMAC-SHA256 app_key="…",timestamp="…",nonce="…",signature="…".'


class SignatureMalformed(Unauthenticated):
    code = "SIGNATURE_MALFORMED"
    title_zh = "签名头格式不正确"
    title_en = "The Authorization header is malformed"
    detail_zh = "需要 app_key、timestamp（秒）、nonce（16–64 位字母、数字、- 或 _）、signature（Base64）各一次。"
    detail_en = "app_key, timestamp (seconds), nonce (16 to 64 of A-Z a-z 0-9 - _) and signature (base64), each once."


class UnknownAppKey(Unauthenticated):
    code = "UNKNOWN_APP_KEY"
    title_zh = "app_key 不存在"
    title_en = "No such app_key"


class KeyRevoked(Unauthenticated):
    code = "KEY_REVOKED"
    title_zh = "该密钥已吊销"
    title_en = "This key was revoked"


class KeyNotYetValid(Unauthenticated):
    code = "KEY_NOT_YET_VALID"
    title_zh = "该密钥尚未生效"
    title_en = "This key is not valid yet"


class KeyExpired(Unauthenticated):
    code = "KEY_EXPIRED"
    title_zh = "该密钥已过期"
    title_en = "This key has expired"


class SignatureAlgorithmMismatch(Unauthenticated):
    code = "SIGNATURE_ALGORITHM_MISMATCH"
    title_zh = "签名算法与密钥登记的不一致"
    title_en = "Another algorithm is registered for this key"
    detail_zh = "该密钥只能使用 {algorithm}。"
    detail_en = "This key signs with {algorithm} only."


class TimestampOutOfWindow(Unauthenticated):
    code = "TIMESTAMP_OUT_OF_WINDOW"
    title_zh = "签名时间超出允许范围"
    title_en = "The signature's time is out of the window"
    detail_zh = f"timestamp 与服务器时间相差不得超过 {WINDOW_S} 秒；服务器时间为 {{server_time}}。"
    detail_en = f"timestamp may differ from the server's time by {WINDOW_S} s; the server's time is {{server_time}}."


class SignatureInvalid(Unauthenticated):
    code = "SIGNATURE_INVALID"
    title_zh = "签名验证失败"
    title_en = "The signature does not match"
    detail_zh = "请检查待签名串：方法、路径与查询串、时间戳、随机串、原始请求体，各占一行并以换行结尾。"
    detail_en = "Check what was signed: method, path and query, timestamp, nonce, raw body, each ended by a newline."


class SignatureReplayed(Conflict):
    code = "SIGNATURE_REPLAYED"
    title_zh = "该签名已使用过"
    title_en = "This signature was used before"
    detail_zh = "请使用新的 nonce 重新签名；事件 id 保持不变即可，不会重复生效。"
    detail_en = "Sign again with a new nonce; keep the event ids, nothing will take effect twice."


class RequestAlreadyReceived(SignatureReplayed):
    """The same bytes with the same signature, as a proxy sends them again after a lost answer."""

    detail_zh = "相同的请求已经收到，回执 {receipt_id}；请查询该回执，不必重发。"
    detail_en = "The same request was received before. Its receipt is {receipt_id}: look there, do not send it again."


class Refused(AppError):
    """The signature is valid, but the partner, its address or its key may not make this request."""

    status = 403


class PartnerSuspended(Refused):
    code = "PARTNER_SUSPENDED"
    title_zh = "合作方已暂停"
    title_en = "The partner is suspended"
    detail_zh = "平台已暂停接收贵方数据，请联系运营人员。"
    detail_en = "The programme does not accept your data at present. Please contact its operators."


class AddressNotAllowed(Refused):
    code = "ADDRESS_NOT_ALLOWED"
    title_zh = "来源地址不在白名单内"
    title_en = "The address is not on the partner's list"
    detail_zh = "请求来自 {address}，不在登记的地址范围内。"
    detail_en = "The request came from {address}, which is outside the registered networks."


class SandboxKeyNotAllowed(Refused):
    code = "SANDBOX_KEY_NOT_ALLOWED"
    title_zh = "沙箱密钥不能用于此接口"
    title_en = "A sandbox key cannot be used here"
    detail_zh = "此接口涉及正式数据，请使用正式密钥。"
    detail_en = "This route works on live data; use a live key."


class LegacyKeyNotAllowed(Refused):
    code = "LEGACY_KEY_NOT_ALLOWED"
    title_zh = "该签名方式不能用于此接口"
    title_en = "This kind of signature cannot be used here"
    detail_zh = "旧式签名不覆盖方法与路径，只能用于上报和查询；请使用 CP1 密钥。"
    detail_en = "It does not cover method and path, so it may only report and query. Use a CP1 key."


class SignatureChecksBusy(Unavailable):
    code = "SIGNATURE_CHECKS_BUSY"
    title_zh = "验签繁忙"
    title_en = "Too many signatures are being checked"


class KeyChecksBusy(TooManyRequests):
    code = "KEY_CHECKS_BUSY"
    title_zh = "该密钥的并发验签过多"
    title_en = "Too many signatures of this key are being checked"
    detail_zh = "SM2 验签较慢，请合并为批量请求并降低并发。"
    detail_en = "Checking SM2 is slow: send batches, and fewer of them at a time."


class PartnerNotFound(NotFound):
    code = "PARTNER_NOT_FOUND"
    title_zh = "没有这个合作方"
    title_en = "No such partner"


class PartnerKeyNotFound(NotFound):
    code = "PARTNER_KEY_NOT_FOUND"
    title_zh = "该合作方没有这个密钥"
    title_en = "The partner has no such key"


class PartnerExists(Conflict):
    code = "PARTNER_EXISTS"
    title_zh = "合作方编号已存在"
    title_en = "The partner id is taken"


class PartnerChanged(Conflict):
    code = "PARTNER_CHANGED"
    title_zh = "提议之后合作方条款已变更"
    title_en = "The partner's terms have changed since the proposal"
    detail_zh = "请驳回此提案，按现行条款重新提议。"
    detail_en = "Reject this proposal and propose again from the present terms."


class SandboxOnly(Conflict):
    code = "SANDBOX_ONLY"
    title_zh = "沙箱合作方只能有沙箱密钥"
    title_en = "A sandbox partner has sandbox keys only"


class KeyAlreadyRevoked(Conflict):
    code = "KEY_ALREADY_REVOKED"
    title_zh = "该密钥早已吊销"
    title_en = "The key is already revoked"


class PartnersUnknown(Unavailable):
    code = "PARTNERS_UNKNOWN"
    detail_zh = "合作方登记信息尚未读取完成，请稍后重试。"
    detail_en = "The registry of partners is not loaded yet. Try again in a moment."


class TooManyLiveKeys(Conflict):
    code = "TOO_MANY_LIVE_KEYS"
    title_zh = "同时有效的密钥过多"
    title_en = "Too many live keys"
    detail_zh = "合作方 {partners} 同时有效的密钥超过 {limit} 个，请先吊销旧密钥。"
    detail_en = "{partners}: more than {limit} live keys; revoke an old one first."


class KeyBelongsElsewhere(Conflict):
    code = "KEY_BELONGS_ELSEWHERE"
    title_zh = "app_key 已属于其他合作方，或算法不同"
    title_en = "The app_key belongs to another partner, or has another algorithm"
    detail_zh = "app_key：{app_keys}。"
    detail_en = "app_key: {app_keys}."


class SourceTaken(Conflict):
    code = "SOURCE_TAKEN"
    title_zh = "source 已被其他合作方登记"
    title_en = "The source is registered for another partner"
    detail_zh = "source：{sources}。"
    detail_en = "source: {sources}."
