"""The sentence for each finding of the debugger."""

from collections.abc import Mapping
from typing import Final

from shared.language import Language, Text

SENTENCES: Final[Mapping[str, Text]] = {
    "OTHER_ALGORITHM": Text(
        "Authorization 的算法与密钥登记的不一致。",
        "The header names another algorithm than the key's.",
    ),
    "FIELD_MISSING": Text(
        "Authorization 缺少 app_key、timestamp、nonce 或 signature。",
        "The header lacks app_key, timestamp, nonce or signature.",
    ),
    "TIMESTAMP_NOT_SECONDS": Text("timestamp 须为十进制秒数。", "timestamp must be seconds in decimal digits."),
    "TIMESTAMP_IN_MILLISECONDS": Text("timestamp 用了毫秒，应为秒。", "timestamp is in milliseconds; use seconds."),
    "TIMESTAMP_OUT_OF_WINDOW": Text(
        "timestamp 与服务器时间相差超过 300 秒，请校时。",
        "timestamp is more than 300 s off; set the clock.",
    ),
    "NONCE_FORM": Text("nonce 须为 16–64 位字母、数字、- 或 _。", "nonce must be 16 to 64 of A-Z a-z 0-9 - _."),
    "SIGNATURE_IN_HEX": Text("signature 用了十六进制，应为 Base64。", "signature is in hex; use base64."),
    "SIGNATURE_URL_SAFE": Text(
        "signature 用了 URL 安全的 Base64（- 和 _），应为标准 Base64（+ 和 /）。",
        "signature is URL-safe base64 (- and _); use the standard one (+ and /).",
    ),
    "SIGNATURE_NOT_BASE64": Text("signature 不是 Base64。", "signature is not base64."),
    "NO_TRAILING_NEWLINE": Text("请求体之后缺少换行。", "The newline after the body is missing."),
    "TARGET_WITHOUT_QUERY": Text("签名的路径没有带查询串。", "The query string was left out of the target."),
    "TARGET_DECODED": Text("签名的路径被 URL 解码了，应与发出的一致。", "The target was URL-decoded; sign it as sent."),
    "METHOD_LOWER_CASE": Text("方法须大写。", "The method must be in upper case."),
    "BODY_LEFT_OUT": Text("签名没有包含请求体。", "The body was not signed."),
    "LINES_END_WITH_CRLF": Text("换行用了 CRLF，应为 LF。", "Lines end with CRLF; use LF."),
    "BODY_RESERIALISED": Text(
        "签名之后请求体被重新序列化；请对实际发出的字节签名。",
        "The JSON was serialised again after signing; sign the bytes that are sent.",
    ),
    "KEY_OR_SIGNING": Text(
        "待签名串一致而签名不符：请检查密钥（或私钥与登记的公钥是否成对）以及签名算法的参数。",
        "The strings are the same and the signature does not match: check the key and the parameters of the algorithm.",
    ),
    "UNKNOWN": Text(
        "不是常见错误；请提交 string_to_sign，我们指出第一处不同。",
        "None of the usual mistakes: send your string_to_sign to see the first difference.",
    ),
}


def sentence_of(code: str, language: Language) -> str:
    return SENTENCES[code].pick(language)


CODES = frozenset(SENTENCES)
