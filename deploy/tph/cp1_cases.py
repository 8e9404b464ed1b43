"""Cases for a verifier of `CP1` signatures, such as the one that a partner uses to test its signer."""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from deploy.tph.conformance import STALE_S, Case, PreparedRequest
from deploy.tph.identity import Identity
from shared.auth import cp1

_BODY = b'[{"specversion":"1.0","id":"conformance-1","type":"cn.carboninclusion.trip.completed.v1"}]'
_REORDERED = b'[{"id":"conformance-1","specversion":"1.0","type":"cn.carboninclusion.trip.completed.v1"}]'
_UNUSUAL = b'[ {"specversion" : "1.0",\n "id":"\\u6b66\\u6c49-\xe7\xa2\xb3", "type":"x"} ]\n'
_INSIDE_S = cp1.WINDOW_S - 20
Reason = tuple[str, str]


class Cp1RequestMaker:
    """`request` signs what it sends. Arguments `signed_*` are signed instead of what is sent."""

    def __init__(self, identity: Identity, target: str, at_s: int) -> None:
        self._identity, self.target, self.at_s = identity, target, at_s

    def request(
        self,
        body: bytes = _BODY,
        *,
        identity: Identity | None = None,
        target: str | None = None,
        signed_method: str = "POST",
        signed_target: str | None = None,
        signed_body: bytes | None = None,
        at_s: int | None = None,
        nonce: str | None = None,
        rewrite: Callable[[str], str] = lambda header: header,
        unsigned: bool = False,
    ) -> PreparedRequest:
        target = target or self.target
        header = (identity or self._identity).authorization(
            signed_method,
            signed_target or target,
            body if signed_body is None else signed_body,
            timestamp=self.at_s if at_s is None else at_s,
            nonce=nonce,
        )
        headers = [("content-type", "application/cloudevents-batch+json")]
        if not unsigned:
            headers.append(("authorization", rewrite(header)))
        return PreparedRequest("POST", target, tuple(headers), body)


def cases(identity: Identity, target: str, at_s: int) -> list[Case]:
    """`target`: path and query of the verifier; `at_s` in seconds since 1970."""
    maker = Cp1RequestMaker(identity, target, at_s)
    return [*_to_accept(maker), *_changed_after_signing(maker), *_wrong_times(maker), *_wrong_headers(maker, identity)]


def _case(code: str, accept: bool, title: Reason, meaning: Reason, *requests: PreparedRequest) -> Case:
    return Case(code, accept, *title, *meaning, requests)


def _with_query(target: str, query: str) -> str:
    return f"{target}{'&' if '?' in target else '?'}{query}"


def _to_accept(maker: Cp1RequestMaker) -> list[Case]:
    return [
        _case(
            "VALID", True, ("正确的签名", "a correct signature"),
            ("正确的签名被拒绝：核对密钥、五行待签名串和结尾换行",
             "A correct signature is refused: check the key and the five lines, each ending with a newline"),
            maker.request(),
        ),
        _case(
            "VALID_QUERY", True, ("带查询串", "with a query"),
            ("待签名串缺少查询串，或对其重新编码、排序",
             "The query is missing from the string to sign, or re-encoded: use it as sent"),
            maker.request(target=_with_query(maker.target, "b=%E7%A2%B3&a=1+2&c")),
        ),
        _case(
            "VALID_RAW_BYTES", True, ("不常见但正确的 JSON 写法", "valid JSON in an unusual form"),
            ("先解析再序列化后验签；请对收到的原始字节验签",
             "The body is parsed and serialised again before the check: verify the raw bytes"),
            maker.request(_UNUSUAL),
        ),
        _case(
            "VALID_EMPTY_BODY", True, ("空请求体", "an empty body"),
            ("空请求体也要签：最后一行为空行", "An empty body is signed too: its line is empty"), maker.request(b""),
        ),
        _case(
            "VALID_CLOCK", True, (f"慢 {_INSIDE_S} 秒的时钟", f"a clock {_INSIDE_S} s behind"),
            (f"允许的时间差小于 {cp1.WINDOW_S} 秒", f"The verifier allows less than {cp1.WINDOW_S} s of difference"),
            maker.request(at_s=maker.at_s - _INSIDE_S),
        ),
    ]  # fmt: skip


def _changed_after_signing(maker: Cp1RequestMaker) -> list[Case]:
    nonce, again = secrets.token_hex(16), maker.request(nonce=secrets.token_hex(16))
    return [
        _case(
            "BODY_CHANGED", False, ("签名后改了一个字节", "one byte changed after signing"),
            ("请求体没有参与验签", "The body is not part of the check"),
            maker.request(_BODY.replace(b"-1", b"-2"), signed_body=_BODY),
        ),
        _case(
            "JSON_REORDERED", False, ("签名后调换了键的顺序", "keys reordered after signing"),
            ("对解析后的 JSON 而不是原始字节验签", "The parsed JSON is checked, not the raw bytes"),
            maker.request(_REORDERED, signed_body=_BODY),
        ),
        _case(
            "PATH_CHANGED", False, ("签的是另一路径", "another path was signed"),
            ("路径没有参与验签，签名可挪用于其他接口",
             "The path is not part of the check: a signature works for any route"),
            maker.request(signed_target="/another" + maker.target),
        ),
        _case(
            "QUERY_CHANGED", False, ("签的是另一查询串", "another query was signed"),
            ("查询串没有参与验签", "The query is not part of the check"),
            maker.request(signed_target=_with_query(maker.target, "x=1")),
        ),
        _case(
            "METHOD_CHANGED", False, ("签的是另一方法", "another method was signed"),
            ("方法没有参与验签", "The method is not part of the check"), maker.request(signed_method="PUT"),
        ),
        _case(
            "NONCE_REUSED", False, ("同一签名发两次", "the same signature twice"),
            ("没有记住用过的 nonce；截获的请求可重放", "Used nonces are not remembered: a request can be replayed"),
            again, again,
        ),
        _case(
            "NONCE_CHANGED", False, ("签名后换了 nonce", "nonce changed after signing"),
            ("nonce 没有参与验签，换个 nonce 即可重放",
             "The nonce is not part of the check: another one allows a replay"),
            maker.request(nonce=nonce, rewrite=lambda header: header.replace(nonce, secrets.token_hex(16))),
        ),
    ]  # fmt: skip


def _wrong_times(maker: Cp1RequestMaker) -> list[Case]:
    now, old = maker.at_s, maker.at_s - STALE_S
    return [
        _case(
            "STALE", False, ("十分钟前的签名", "signed ten minutes ago"),
            ("没有检查时间戳", "The timestamp is not checked"), maker.request(at_s=old),
        ),
        _case(
            "FUTURE", False, ("十分钟后的签名", "signed ten minutes ahead"),
            ("只检查了过去，没有检查将来", "Only the past is checked, not the future"),
            maker.request(at_s=now + STALE_S),
        ),
        _case(
            "TIME_CHANGED", False, ("签名后改了时间戳", "timestamp changed after signing"),
            ("时间戳没有参与验签", "The timestamp is not part of the check"),
            maker.request(at_s=old, rewrite=lambda header: header.replace(f'"{old}"', f'"{now}"')),
        ),
    ]  # fmt: skip


def _random_signature(identity: Identity) -> dict[str, Any]:
    """A random signature as long as a real one, under the same app_key."""
    return {"rewrite": _with_signature(secrets.token_bytes(256 if "RSA" in identity.algorithm else 64))}


def _with_signature(value: bytes) -> Callable[[str], str]:
    text = base64.b64encode(value).decode()
    return lambda header: f'{header.rpartition("signature=")[0]}signature="{text}"'


def _shortened(header: str) -> str:
    credential = cp1.parse_authorization(header)
    assert credential is not None
    return _with_signature(credential.signature[:6])(header)


def _wrong_headers(maker: Cp1RequestMaker, identity: Identity) -> list[Case]:
    return [
        _case(
            "WRONG_SIGNATURE", False, ("随机签名", "a random signature"),
            ("签名未被验证", "The signature is not checked"), maker.request(**_random_signature(identity)),
        ),
        _case(
            "TRUNCATED_SIGNATURE", False, ("签名只有前 6 个字节", "the first 6 bytes of the signature"),
            ("只比较了签名的前缀", "Only a prefix is compared"), maker.request(rewrite=_shortened),
        ),
        _case(
            "EMPTY_SIGNATURE", False, ("空签名", "an empty signature"),
            ("空签名也放行", "An empty signature is accepted"), maker.request(rewrite=_with_signature(b"")),
        ),
        _case(
            "NO_SIGNATURE", False, ("没有 Authorization 头", "no Authorization header"),
            ("没有签名也放行", "A request without a signature is accepted"), maker.request(unsigned=True),
        ),
        _case(
            "OTHER_ALGORITHM", False, ("头里写另一算法", "another algorithm in the header"),
            ("算法取自请求头；应取自密钥登记", "The algorithm is taken from the header, not from the key's record"),
            maker.request(rewrite=lambda header: header.replace(identity.algorithm, "CP1-NONE", 1)),
        ),
        _case(
            "UNKNOWN_APP_KEY", False, ("不存在的 app_key", "an unknown app_key"),
            ("没有核对 app_key", "The app_key is not looked up"),
            maker.request(rewrite=lambda header: header.replace(f'"{identity.app_key}"', '"ak_nobody"')),
        ),
    ]  # fmt: skip
