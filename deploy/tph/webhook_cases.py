"""Cases for a receiver of Standard Webhooks."""

import secrets
from datetime import UTC, datetime, timedelta

import standardwebhooks

from deploy.tph.conformance import STALE_S, Case, PreparedRequest

_BODY = (
    b'{"type":"cn.carboninclusion.results.v1","timestamp":"2026-11-24T08:00:00.000+08:00","data":[{"id":"conformance-1",'
    b'"status":"credited","reason_code":"CREDITED","amount_mg":170000,"sequence":1}]}'
)
# The same document to a JSON parser, other bytes to a signature.
_REORDERED = (
    b'{"timestamp":"2026-11-24T08:00:00.000+08:00","type":"cn.carboninclusion.results.v1","data":[{"status":"credited",'
    b'"id":"conformance-1","reason_code":"CREDITED","amount_mg":170000,"sequence":1}]}'
)
# Valid JSON that a partner's serializer would not produce, but that may be signed.
_UNUSUAL = (
    b'{ "type" : "cn.carboninclusion.results.v1",\n  "timestamp":"2026-11-24T08:00:00.000+08:00", "data":[\n'
    b'{"id":"\\u6b66\\u6c49-\xe7\xa2\xb3","status":"credited","reason_code":null,"amount_mg":0,"sequence":1}\n]}\n'
)


class DeliveryMaker:
    """Makes deliveries for one address and secret, correct or wrong on purpose."""

    def __init__(self, target: str, secret: str, at: datetime) -> None:
        self._target, self._secret, self._at = target, secret, at

    def signature(self, webhook_id: str, body: bytes, *, at: datetime | None = None, secret: str | None = None) -> str:
        return standardwebhooks.Webhook(secret or self._secret).sign(webhook_id, at or self._at, body.decode())

    def request(
        self,
        body: bytes = _BODY,
        *,
        signed: bytes | None = None,
        sent_id: str | None = None,
        webhook_id: str | None = None,
        at: datetime | None = None,
        sent_at: datetime | None = None,
        signature: str | None = None,
        drop: str = "",
    ) -> PreparedRequest:
        """Sign `signed`, `at` and `webhook_id`. Send `body`, `sent_at` and `sent_id`."""
        webhook_id = webhook_id or f"msg_{secrets.token_hex(12)}"
        at = at or self._at
        header = signature if signature is not None else self.signature(webhook_id, signed or body, at=at)
        headers = {
            "content-type": "application/json",
            "webhook-id": sent_id or webhook_id,
            "webhook-timestamp": str(int((sent_at or at).timestamp())),
            "webhook-signature": header,
        }
        kept = tuple((name, value) for name, value in headers.items() if name != drop)
        return PreparedRequest("POST", self._target, kept, body)


def cases(target: str, secret: str, at: datetime) -> list[Case]:
    """`target`: path and query of the receiver; `at` in UTC."""
    at = at.astimezone(UTC)
    maker = DeliveryMaker(target, secret, at)
    return [*_to_accept(maker), *_wrong_signatures(maker), *_changed_bodies(maker), *_wrong_times(maker, at)]


def _case(
    code: str, accept: bool, titles: tuple[str, str], meaning: tuple[str, str], *requests: PreparedRequest
) -> Case:
    return Case(code, accept, *titles, *meaning, requests)


def _to_accept(maker: DeliveryMaker) -> list[Case]:
    other = "whsec_" + "b3RoZXIgc2VjcmV0IG9mIHNvbWVib2R5IGVsc2UhISE="
    rotating, mixed, again = (f"msg_{secrets.token_hex(12)}" for _ in range(3))
    both = f"{maker.signature(rotating, _BODY, secret=other)} {maker.signature(rotating, _BODY)}"
    newer = f"v1a,AAAA {maker.signature(mixed, _BODY)}"
    repeated = maker.request(webhook_id=again)
    return [
        _case(
            "VALID", True, ("正确的推送", "a correct delivery"),
            ("正确的签名被拒绝：核对密钥（去掉 whsec_ 后按 Base64 解码）和待签名串 id.timestamp.body",
             "A correct signature is refused: decode the secret after whsec_ as base64, sign id.timestamp.body"),
            maker.request(),
        ),
        _case(
            "VALID_RAW_BYTES", True, ("不常见但正确的 JSON 写法", "valid JSON in an unusual form"),
            ("先解析再序列化后验签；请对收到的原始字节验签",
             "The body is parsed and serialised again before the check: verify the raw bytes"),
            maker.request(_UNUSUAL),
        ),
        _case(
            "VALID_ROTATION", True, ("轮换期的两个签名，第二个有效", "two signatures while rotating, the second valid"),
            ("只看第一个签名；请逐个比较以空格分开的签名",
             "Only the first signature is checked: try each of the space-separated ones"),
            maker.request(webhook_id=rotating, signature=both),
        ),
        _case(
            "VALID_UNKNOWN_VERSION", True, ("另有未知版本的签名", "also a signature of an unknown version"),
            ("遇到未知版本即报错；请忽略不认识的版本", "An unknown version is treated as an error: ignore it"),
            maker.request(webhook_id=mixed, signature=newer),
        ),
        _case(
            "VALID_RETRY", True, ("同一推送再次送达", "the same delivery once more"),
            ("重试被当作错误；同一 webhook-id 再来应答 2xx，且不重复处理",
             "A retry is treated as an error: answer 2xx to a known webhook-id, and do not process it again"),
            repeated, repeated,
        ),
    ]  # fmt: skip


def _wrong_signatures(maker: DeliveryMaker) -> list[Case]:
    meaning = ("签名未被验证", "The signature is not checked")
    webhook_id = f"msg_{secrets.token_hex(12)}"
    good = maker.signature(webhook_id, _BODY)
    stranger = "whsec_" + "c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgbm90IHlvdXJz"
    return [
        _case(
            "WRONG_SECRET", False, ("别人的密钥", "another secret"), meaning,
            maker.request(webhook_id=webhook_id, signature=maker.signature(webhook_id, _BODY, secret=stranger)),
        ),
        _case(
            "NO_SIGNATURE", False, ("没有签名头", "no signature header"),
            ("没有签名也放行", "A request without a signature is accepted"), maker.request(drop="webhook-signature"),
        ),
        _case(
            "EMPTY_SIGNATURE", False, ("空签名", "an empty signature"),
            ("空签名也放行", "An empty signature is accepted"), maker.request(signature="v1,"),
        ),
        _case(
            "TRUNCATED_SIGNATURE", False, ("签名只有前 8 个字符", "the first 8 characters of the signature"),
            ("只比较了签名的前缀；请比较全部", "Only a prefix is compared: compare all of it"),
            maker.request(webhook_id=webhook_id, signature=good[: len("v1,") + 8]),
        ),
        _case(
            "OTHER_VERSION", False, ("正确的值，但版本为 v0", "the right value under version v0"),
            ("没有检查签名版本；只接受 v1", "The version is not checked: accept v1 only"),
            maker.request(webhook_id=webhook_id, signature="v0," + good.removeprefix("v1,")),
        ),
        _case(
            "ID_CHANGED", False, ("签名后换了 webhook-id", "webhook-id changed after signing"),
            ("webhook-id 没有参与验签，重放可绕过去重",
             "webhook-id is not part of the check: a replay looks like a new delivery"),
            maker.request(webhook_id=webhook_id, sent_id=f"msg_{secrets.token_hex(12)}"),
        ),
        _case(
            "REUSED_SIGNATURE", False, ("把用过的签名用于新内容", "a used signature for new content"),
            ("见过的 webhook-id 未再验签", "A known webhook-id is not checked again"),
            maker.request(webhook_id=webhook_id), maker.request(_BODY.replace(b"170000", b"990000"), signed=_BODY,
                                                         webhook_id=webhook_id),
        ),
    ]  # fmt: skip


def _changed_bodies(maker: DeliveryMaker) -> list[Case]:
    return [
        _case(
            "BODY_CHANGED", False, ("签名后改了一个字节", "one byte changed after signing"),
            ("请求体没有参与验签", "The body is not part of the check"),
            maker.request(_BODY.replace(b"170000", b"170001"), signed=_BODY),
        ),
        _case(
            "JSON_REORDERED", False, ("签名后调换了键的顺序", "keys reordered after signing"),
            ("对解析后的 JSON 而不是原始字节验签", "The parsed JSON is checked, not the raw bytes"),
            maker.request(_REORDERED, signed=_BODY),
        ),
        _case(
            "BODY_APPENDED", False, ("签名后多了一个换行", "a newline added after signing"),
            ("验签前去掉了首尾空白", "White space is stripped before the check"),
            maker.request(_BODY + b"\n", signed=_BODY),
        ),
    ]  # fmt: skip


def _wrong_times(maker: DeliveryMaker, at: datetime) -> list[Case]:
    return [
        _case(
            "STALE", False, ("十分钟前的签名", "signed ten minutes ago"),
            ("没有检查时间戳；截获的推送可一直重放",
             "The timestamp is not checked: a delivery can be replayed for ever"),
            maker.request(at=at - timedelta(seconds=STALE_S)),
        ),
        _case(
            "FUTURE", False, ("十分钟后的签名", "signed ten minutes ahead"),
            ("只检查了过去，没有检查将来", "Only the past is checked, not the future"),
            maker.request(at=at + timedelta(seconds=STALE_S)),
        ),
        _case(
            "TIME_CHANGED", False, ("签名后改了时间戳", "timestamp changed after signing"),
            ("时间戳没有参与验签，过期的推送改个时间就能用",
             "The timestamp is not part of the check: an old delivery works with a new one"),
            maker.request(at=at - timedelta(seconds=STALE_S), sent_at=at),
        ),
        _case(
            "NO_TIME", False, ("没有时间戳头", "no timestamp header"),
            ("没有时间戳也放行", "A request without a timestamp is accepted"), maker.request(drop="webhook-timestamp"),
        ),
    ]  # fmt: skip
