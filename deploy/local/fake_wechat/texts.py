"""The security check of texts. Two words decide: one is risky, one needs a person's look."""

from typing import Any

from deploy.local.fake_wechat.state import error

RISKY, REVIEW = "违禁", "待审"
_CHARS_MAX = 2500
_HARMLESS, _ADVERTISEMENT, _ABUSE = 100, 10001, 20003


def verdict(body: dict[str, Any], raw: bytes) -> dict[str, Any]:
    r"""Return the answer. Texts must be raw UTF-8: WeChat does not see what a `\u` escape stands for."""
    content = body.get("content")
    if not isinstance(content, str) or not content:
        return error(44002)
    if body.get("version") != 2 or len(content) > _CHARS_MAX or b"\\u" in raw:
        return error(47001)
    if body.get("scene") not in {1, 2, 3, 4}:
        return error(40129)
    suggest, label = "pass", _HARMLESS
    if REVIEW in content:
        suggest, label = "review", _ADVERTISEMENT
    if RISKY in content:
        suggest, label = "risky", _ABUSE
    result = {"suggest": suggest, "label": label}
    return {"errcode": 0, "errmsg": "ok", "trace_id": "dev", "result": result, "detail": []}
