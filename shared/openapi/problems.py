"""Error answers in OpenAPI: one `Problem` component, and for each operation its codes by status."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field, TypeAdapter

from shared.errors import AppError, PayloadTooLarge, TooManyRequests, Unauthenticated
from shared.openapi.headers import HEADER_REFS
from shared.problems import MEDIA_TYPE, TYPE_PREFIX

_REF: Final = "#/components/responses/"
_ANYWHERE: Final = {"instance": "/api/v1"}
_EXAMPLE_ID: Final = "019aadf0-6b00-7000-8000-000000000001"


class ProblemField(BaseModel):
    """One fault of one field."""

    field: str = Field(description="点分路径，如 body.amount_mg A dotted path", examples=["body.amount_mg"])
    code: str = Field(description="稳定的代码 A stable code", examples=["GREATER_THAN"])
    message: str = Field(description="说明 A sentence", examples=["须大于 0"])


class Problem(BaseModel):
    """RFC 9457 problem document. `code` is stable; `title` and `detail` follow Accept-Language (zh, en)."""

    type: str = Field(description="`code` 的 URN 形式 The code as a URN", examples=[f"{TYPE_PREFIX}not-found"])
    title: str = Field(examples=["没有找到"])
    status: int = Field(description="HTTP 状态码 The HTTP status", ge=400, le=599, examples=[404])
    detail: str = Field(examples=["没有找到"])
    instance: str | None = Field(
        description="网关无法解析请求时为 null Null if the gateway could not parse the request",
        examples=["/api/v1/accounting/me/activities/0"],
    )
    code: str = Field(
        description="稳定的代码；每个操作列出其全部 Stable; each operation lists its own", examples=["NOT_FOUND"]
    )
    retryable: bool = Field(
        description="稍后用同样的标识重试可能成功 Whether the same request may succeed later", examples=[False]
    )
    request_id: str | None = Field(
        description="网关无法解析请求时为 null Null if the gateway could not parse the request", examples=[_EXAMPLE_ID]
    )
    errors: list[ProblemField] = Field(description="各字段的问题 The faults of single fields", examples=[[]])


@dataclass(frozen=True, slots=True)
class Refusal:
    """One code of an operation."""

    status: int
    code: str
    retryable: bool
    title_zh: str
    title_en: str
    detail_zh: str
    members: Mapping[str, Any]

    @classmethod
    def of(cls, error: type[AppError]) -> Iterable["Refusal"]:
        for code in error.codes or (error.code,):
            yield cls(
                error.status, code, error.retryable, error.says.title.zh, error.says.title.en, error.says.detail.zh,
                {name: _schema_of(kind) for name, kind in error.members.items()},
            )  # fmt: skip


def _schema_of(kind: Any) -> dict[str, Any]:
    schema: dict[str, Any] = kind if isinstance(kind, dict) else TypeAdapter(kind).json_schema()
    for name, part in schema.pop("$defs", {}).items():
        schema = json.loads(json.dumps(schema).replace(f'{{"$ref": "#/$defs/{name}"}}', json.dumps(part)))
    return schema


def _own(status: int, code: str, title_zh: str, title_en: str, *, retryable: bool = False) -> Refusal:
    return Refusal(status, code, retryable, title_zh, title_en, "", {})


# What the gateway answers in place of a service. `deploy/gateway/replies.py` has the same codes; a test compares them.
GATEWAY: Final = (
    *Refusal.of(Unauthenticated),
    *Refusal.of(TooManyRequests),
    _own(400, "MALFORMED_REQUEST", "请求格式不正确", "Malformed request"),
    _own(431, "HEADERS_TOO_LARGE", "请求头过大", "The headers are too large"),
    _own(503, "UPSTREAM_UNAVAILABLE", "服务暂时不可用", "Temporarily unavailable", retryable=True),
    _own(504, "UPSTREAM_TIMEOUT", "服务未能及时应答", "No answer in time", retryable=True),
)
GATEWAY_BODY: Final = (
    *Refusal.of(PayloadTooLarge),
    _own(408, "REQUEST_TIMEOUT", "请求未能及时传完", "The request took too long to arrive", retryable=True),
)


def responses_of(refusals: Iterable[Refusal], instance: str, headers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The error answers of one operation by status."""
    by_status: dict[int, dict[str, Refusal]] = defaultdict(dict)
    for one in refusals:
        known = by_status[one.status].get(one.code, one)  # two classes may share a code
        by_status[one.status][one.code] = replace(known, members={**one.members, **known.members})
    return {
        str(status): _response([found[code] for code in sorted(found)], instance, headers)
        for status, found in sorted(by_status.items())
    }


def _response(refusals: list[Refusal], instance: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    first = refusals[0]
    properties: dict[str, Any] = {
        "status": {"const": first.status},
        "code": {"type": "string", "enum": [one.code for one in refusals]},
    }
    for one in refusals:
        for name, schema in one.members.items():
            properties[name] = {**schema, "description": f"仅随 {one.code} Only with {one.code}"}
    response: dict[str, Any] = {
        "description": "\n".join(f"* `{one.code}` {one.title_zh} · {one.title_en}" for one in refusals),
        "headers": {"X-Request-Id": HEADER_REFS["X-Request-Id"], **headers},
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"type": "object", "required": ["status", "code"], "properties": properties},
                    ]
                },
                "example": _example(first, instance),
            }
        },
    }
    if any(one.retryable for one in refusals):
        response["headers"]["Retry-After"] = HEADER_REFS["Retry-After"]
    return response


def _example(refusal: Refusal, instance: str) -> dict[str, Any]:
    detail = refusal.detail_zh if "{" not in refusal.detail_zh else ""
    return {
        "type": TYPE_PREFIX + refusal.code.lower().replace("_", "-"),
        "title": refusal.title_zh,
        "status": refusal.status,
        "detail": detail or refusal.title_zh,
        "instance": instance,
        "code": refusal.code,
        "retryable": refusal.retryable,
        "request_id": _EXAMPLE_ID,
        "errors": [],
    }


def share_responses(document: dict[str, Any]) -> None:
    """Give error answers that several operations have a place of their own, such as a 500 or a refused signature."""
    places: dict[str, list[tuple[dict[str, Any], str, dict[str, Any]]]] = defaultdict(list)
    for operation, status, response in _error_answers(document):
        problem = response["content"][MEDIA_TYPE]
        common = {**response, "content": {MEDIA_TYPE: {**problem, "example": {**problem["example"], **_ANYWHERE}}}}
        places[json.dumps(common, sort_keys=True)].append((operation, status, common))
    shared = document["components"].setdefault("responses", {})
    for found in sorted(places.values(), key=len, reverse=True):
        if len(found) > 1:
            _, status, response = found[0]
            name = _free_name(_name_of(response["content"][MEDIA_TYPE], status), set(shared))
            shared[name] = response
            for operation, status, _ in found:
                operation["responses"][status] = {"$ref": _REF + name}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _error_answers(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    for operation in _operations(document):
        for status, response in list(operation["responses"].items()):
            if MEDIA_TYPE in response.get("content", {}):
                yield operation, status, response


def _name_of(problem: dict[str, Any], status: str) -> str:
    """The code if there is only one, else the phrase of the status."""
    codes = problem["schema"]["allOf"][1]["properties"]["code"]["enum"]
    words = codes[0].split("_") if len(codes) == 1 else HTTPStatus(int(status)).phrase.split()
    return "".join(word.capitalize() for word in words)


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name}{number}" for number in itertools.count(2) if f"{name}{number}" not in taken)
