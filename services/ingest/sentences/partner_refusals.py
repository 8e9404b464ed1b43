"""Refusals about partners, keys and signatures. Their readers are developers: names of fields are welcome here."""

from typing import Final

from shared.language import Sentence, Text

ADDRESS_NOT_ALLOWED: Final = Sentence(
    Text("来源地址不在白名单内", "The address is not on the partner's list"),
    Text(
        "请求来自 {address}，不在登记的地址范围内，没有受理。请从登记的地址发出，或请运营人员增加地址。",
        (
            "The request came from {address}, which is outside the registered networks. Send it from one of "
            "them, or ask the operators to add it."
        ),
    ),
)
KEY_ALREADY_REVOKED: Final = Sentence(
    Text("该密钥早已吊销", "The key is already revoked"),
    Text("没有再次吊销。请查看合作方现有的密钥。", "It was not revoked again. See the partner's present keys."),
)
KEY_BELONGS_ELSEWHERE: Final = Sentence(
    Text("app_key 已属于其他合作方，或算法不同", "The app_key belongs to another partner, or has another algorithm"),
    Text(
        "没有登记。有冲突的 app_key：{app_keys}。请换一个。",
        "Nothing was registered. In conflict: {app_keys}. Choose another one.",
    ),
)
KEY_CHECKS_BUSY: Final = Sentence(
    Text("该密钥的并发验签过多", "Too many signatures of this key are being checked"),
    Text(
        "SM2 验签较慢，本次没有处理。请合并为批量请求并降低并发。",
        "Checking SM2 is slow, and this request was not handled. Send batches, and fewer of them at a time.",
    ),
)
KEY_EXPIRED: Final = Sentence(
    Text("该密钥已过期", "This key has expired"),
    Text(
        "没有受理。请换用有效的密钥，或请运营人员新建一把。",
        "Nothing was accepted. Use a valid key, or ask the operators for a new one.",
    ),
)
KEY_NOT_YET_VALID: Final = Sentence(
    Text("该密钥尚未生效", "This key is not valid yet"),
    Text(
        "没有受理。请在生效时间之后使用，此前用旧密钥。",
        "Nothing was accepted. Use it from its first day on, and the old key until then.",
    ),
)
KEY_REVOKED: Final = Sentence(
    Text("该密钥已吊销", "This key was revoked"),
    Text(
        "没有受理。请换用有效的密钥，或请运营人员新建一把。",
        "Nothing was accepted. Use a valid key, or ask the operators for a new one.",
    ),
)
LEGACY_KEY_NOT_ALLOWED: Final = Sentence(
    Text("该签名方式不能用于此接口", "This kind of signature cannot be used here"),
    Text(
        "旧式签名不覆盖方法与路径，只能用于上报和查询。请使用 CP1 密钥。",
        "It does not cover method and path, so it may only report and query. Use a CP1 key.",
    ),
)
PARTNER_CHANGED: Final = Sentence(
    Text("提议之后合作方条款已变更", "The partner's terms have changed since the proposal"),
    Text(
        "没有批准。请驳回此提案，按现行条款重新提议。",
        "Nothing was approved. Reject this proposal and propose again from the present terms.",
    ),
)
PARTNER_EXISTS: Final = Sentence(
    Text("合作方编号已存在", "The partner id is taken"),
    Text(
        "没有新建。请换一个编号，或修改已有的合作方。",
        "Nothing was created. Choose another id, or change the existing partner.",
    ),
)
PARTNER_KEY_NOT_FOUND: Final = Sentence(
    Text("该合作方没有这个密钥", "The partner has no such key"),
    Text("没有改动。请核对 app_key。", "Nothing was changed. Check the app_key."),
)
PARTNER_NOT_FOUND: Final = Sentence(
    Text("没有这个合作方", "No such partner"),
    Text("合作方编号不存在。请核对编号。", "There is no partner with this id. Check it."),
)
PARTNER_SUSPENDED: Final = Sentence(
    Text("合作方已暂停", "The partner is suspended"),
    Text(
        "平台已暂停接收贵方数据，本次没有收下。请联系运营人员。",
        "The programme does not accept your data at present. Please contact its operators.",
    ),
)
PARTNERS_UNKNOWN: Final = Sentence(
    Text("暂时读不到合作方登记", "The registry of partners is not loaded"),
    Text(
        "合作方登记信息尚未读取完成，本次没有处理。请稍后重试。", "This request was not handled. Try again in a moment."
    ),
)
REQUEST_ALREADY_RECEIVED: Final = Sentence(
    Text("该签名已使用过", "This signature was used before"),
    Text(
        "相同的请求已经收到，回执号 {receipt_id}。请查询该回执，不必重发。",
        "The same request was received before. Its receipt is {receipt_id}: look there, do not send it again.",
    ),
)
SANDBOX_KEY_NOT_ALLOWED: Final = Sentence(
    Text("沙箱密钥不能用于此接口", "A sandbox key cannot be used here"),
    Text(
        "此接口涉及正式数据，没有受理。请使用正式密钥。",
        "This route works on live data, and nothing was done. Use a live key.",
    ),
)
SANDBOX_ONLY: Final = Sentence(
    Text("沙箱合作方只能有沙箱密钥", "A sandbox partner has sandbox keys only"),
    Text(
        "没有新建密钥。请选择沙箱，或为正式合作方新建。",
        "No key was made. Choose the sandbox, or make the key for a live partner.",
    ),
)
SIGNATURE_ALGORITHM_MISMATCH: Final = Sentence(
    Text("签名算法与密钥登记的不一致", "Another algorithm is registered for this key"),
    Text(
        "该密钥只能使用 {algorithm}，没有受理。请改用登记的算法。",
        "This key signs with {algorithm} only. Nothing was accepted. Use that algorithm.",
    ),
)
SIGNATURE_CHECKS_BUSY: Final = Sentence(
    Text("验签繁忙", "Too many signatures are being checked"),
    Text(
        "暂时没有空位，本次没有处理。请稍后用相同的事件 id 重试，不会重复生效。",
        (
            "There is no free place, and this request was not handled. Try again with the same ids: nothing "
            "counts twice."
        ),
    ),
)
SIGNATURE_INVALID: Final = Sentence(
    Text("签名验证失败", "The signature does not match"),
    Text(
        "没有受理。请检查待签名串：方法、路径与查询串、时间戳、随机串、原始请求体，各占一行并以换行结尾。",
        (
            "Nothing was accepted. Check what was signed: method, path and query, timestamp, nonce, raw "
            "body, each ended by a newline."
        ),
    ),
)
SIGNATURE_MALFORMED: Final = Sentence(
    Text("签名头格式不正确", "The Authorization header is malformed"),
    Text(
        (
            "没有受理。签名头需要 app_key、timestamp（秒）、nonce（16–64 位字母、数字、- 或 _）、signature（"
            "Base64）各一次。"
        ),
        (
            "Nothing was accepted. It needs app_key, timestamp (seconds), nonce (16 to 64 of A-Z a-z 0-9 - "
            "_) and signature (base64), each once."
        ),
    ),
)
SIGNATURE_MISSING: Final = Sentence(
    Text("缺少签名", "The request is not signed"),
    Text(
        '没有受理。请携带 Authorization: CP1-HMAC-SHA256 app_key="…",timestamp="…",nonce="…",signature="…"。',
        (
            'Nothing was accepted. Send Authorization: CP1-HMAC-SHA256 app_key="…",timestamp="…",nonce="…"'
            ',signature="…".'
        ),
    ),
)
SIGNATURE_REPLAYED: Final = Sentence(
    Text("该签名已使用过", "This signature was used before"),
    Text(
        "没有受理。请使用新的 nonce 重新签名；事件 id 保持不变即可，不会重复生效。",
        "Nothing was accepted. Sign again with a new nonce. Keep the event ids: nothing counts twice.",
    ),
)
SOURCE_TAKEN: Final = Sentence(
    Text("source 已被其他合作方登记", "The source is registered for another partner"),
    Text(
        "没有登记。有冲突的 source：{sources}。请换一个。",
        "Nothing was registered. In conflict: {sources}. Choose another one.",
    ),
)
TIMESTAMP_OUT_OF_WINDOW: Final = Sentence(
    Text("签名时间超出允许范围", "The signature's time is out of the window"),
    Text(
        (
            "timestamp 与服务器时间相差不得超过 300 秒，没有受理。服务器时间为 {server_time}（秒），请校准时"
            "钟后重新签名。"
        ),
        (
            "timestamp may differ from the server's time by 300 s. Nothing was accepted. The server's time "
            "is {server_time} (seconds): set the clock and sign again."
        ),
    ),
)
TOO_MANY_LIVE_KEYS: Final = Sentence(
    Text("同时有效的密钥过多", "Too many live keys"),
    Text(
        "合作方 {partners} 同时有效的密钥超过 {limit} 个，没有新建。请先吊销旧密钥。",
        "{partners}: more than {limit} live keys. No key was made. Revoke an old one first.",
    ),
)
UNKNOWN_APP_KEY: Final = Sentence(
    Text("app_key 不存在", "No such app_key"),
    Text(
        "没有受理。请核对 app_key，并确认是正式环境还是沙箱。",
        "Nothing was accepted. Check the app_key, and whether it belongs to the sandbox or to live data.",
    ),
)
