"""Builds the OpenAPI document of an application, and says which codes each of its operations can answer."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, get_args

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import TypeAdapter
from starlette.responses import Response

from shared.auth import schemes
from shared.errors import (
    AppError,
    DuplicateKey,
    InternalError,
    InvalidRequest,
    MalformedBody,
    PayloadTooLarge,
    Unavailable,
)
from shared.idempotency import OptionalKey, RequiredKey
from shared.openapi import headers, problems
from shared.openapi.closed import COMPONENTS
from shared.openapi.examples import add_examples
from shared.openapi.raised import RaisedErrors

_EVERYWHERE: Final = (InternalError, Unavailable)
_WITH_BODY: Final = (MalformedBody, DuplicateKey, PayloadTooLarge)
_SCHEMA_REF: Final = "#/components/schemas/"
_REFERENCE: Final = re.compile(r'"#/components/schemas/([^"]+)"')
_PAGE_NAME: Final = re.compile(r'"(#/components/schemas/)?Page_(\w+)_"')
_REQUIRED_KEY: Final = get_args(RequiredKey)[1].dependency
_OPTIONAL_KEY: Final = get_args(OptionalKey)[1].dependency
_DESCRIPTIONS: Final = {"200": "成功 OK", "201": "已创建 Created", "202": "已受理 Accepted", "204": "成功，无内容 Done"}
_INFO: Final[dict[str, Any]] = {
    "contact": {"name": "碳普惠开放平台 Carbon inclusion"},
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    # The origin of the page or of the client: the gateway.
    "servers": [{"url": "/", "description": "网关 The gateway"}],
}


class ApiDocument:
    """The document of one application. It is built at the first use, in a second or two, and kept.

    `signed_headers`: headers of every answer to a partner's signature.
    """

    def __init__(self, app: FastAPI, *, signed_headers: Mapping[str, Any]) -> None:
        self._app, self._signed_headers = app, signed_headers

    @cached_property
    def content(self) -> bytes:
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()

    @cached_property
    def document(self) -> dict[str, Any]:
        document = _with_plain_names(
            get_openapi(
                title=self._app.title,
                version=self._app.version,
                description=self._app.description,
                routes=self._app.routes,
                separate_input_output_schemas=True,
                **_INFO,
            )
        )
        components = document.setdefault("components", {})
        components["schemas"] = {**components.get("schemas", {}), **_schemas_of_problems()}
        components["securitySchemes"] = schemes.definitions()
        components["parameters"] = headers.PARAMETERS
        components["headers"] = headers.header_components()
        for route in self._routes():
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                components["schemas"] |= operation.pop(COMPONENTS, {})
                self._complete(operation, route, method)
        _require_answers(document)
        problems.share_responses(document)
        _drop_titles(document)
        _drop_unused(document)
        add_examples(document)
        document["tags"] = _tags(document)
        return document

    @cached_property
    def errors(self) -> dict[tuple[str, str], frozenset[type[AppError]]]:
        """The error classes of each operation, by path template and method."""
        raised = RaisedErrors(self._app.state)
        found: dict[tuple[str, str], frozenset[type[AppError]]] = {}
        for route in self._routes():
            errors = frozenset({*raised.of(_calls_of(route)), *_EVERYWHERE, *_implied(route)})
            found.update({(str(route.path_format), method): errors for method in route.methods or ()})
        return found

    def codes(self, path: str, method: str) -> frozenset[str]:
        """Every code that the operation of this service can answer, without those of the gateway."""
        errors = self.errors[path, method]
        return frozenset(refusal.code for error in errors for refusal in problems.Refusal.of(error))

    def _routes(self) -> Iterator[RouteContext]:
        for route in iter_route_contexts(self._app.routes):
            if isinstance(route.original_route, APIRoute) and route.include_in_schema:
                yield route

    def _complete(self, operation: dict[str, Any], route: RouteContext, method: str) -> None:
        dependencies = set(_dependencies_of(route.dependant))
        security = operation.setdefault("security", [])
        signed = self._signed_headers if any(schemes.CP1.scheme_name in one for one in security) else {}
        operation.setdefault("description", operation["summary"])
        operation["parameters"] = _parameters(operation, dependencies)
        answers = {status: one for status, one in operation["responses"].items() if int(status) < 400}
        for status, answer in answers.items():
            answer["description"] = answer["description"].replace(
                "Successful Response", _DESCRIPTIONS.get(status, "OK")
            )
            repeatable = dependencies & {_REQUIRED_KEY, _OPTIONAL_KEY}
            replayed = {"Idempotent-Replayed": headers.HEADER_REFS["Idempotent-Replayed"]} if repeatable else {}
            sent = {"X-Request-Id": headers.HEADER_REFS["X-Request-Id"], **replayed, **signed}
            answer["headers"] = {**answer.get("headers", {}), **sent}
        errors = sorted(
            self.errors[str(route.path_format), method], key=lambda error: (error.__module__, error.__name__)
        )
        refusals = [one for error in errors for one in problems.Refusal.of(error)]
        refusals += problems.GATEWAY
        if _has_body(route):
            refusals += problems.GATEWAY_BODY
        operation["responses"] = {**answers, **problems.responses_of(refusals, str(route.path_format), signed)}


def document_router(service: str, document: ApiDocument) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(f"/api/v1/{service}/openapi.json")
    async def openapi() -> Response:
        # In a thread: the first one takes a second or two, and other requests must not wait for it.
        return Response(await asyncio.to_thread(lambda: document.content), media_type="application/json")

    return router


def _calls_of(route: RouteContext) -> Iterator[Any]:
    yield from _dependencies_of(route.dependant)
    handler = getattr(type(route.original_route), "get_route_handler", None)
    if handler is not APIRoute.get_route_handler:  # a class of routes that does something before and after
        yield handler


def _dependencies_of(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _dependencies_of(inner)


def _has_body(route: RouteContext) -> bool:
    return route.body_field is not None or "requestBody" in (route.openapi_extra or {})


def _implied(route: RouteContext) -> Iterator[type[AppError]]:
    """What the framework answers before the route's own code runs."""
    if _has_body(route):
        yield from _WITH_BODY
    inputs = [one for one in _dependants(route.dependant) if one.path_params or one.query_params or one.header_params]
    if inputs or route.body_field is not None:
        yield InvalidRequest


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _dependants(inner)


def _parameters(operation: dict[str, Any], dependencies: set[Any]) -> list[dict[str, Any]]:
    own = [one for one in operation.get("parameters", []) if one["in"] != "header" or one["name"] not in headers.COMMON]
    if _REQUIRED_KEY in dependencies:
        own.append(headers.parameter("IdempotencyKey"))
    elif _OPTIONAL_KEY in dependencies:
        own.append(headers.parameter("OptionalIdempotencyKey"))
    return [*own, headers.parameter("AcceptLanguage"), headers.parameter("RequestId")]


def _schemas_of_problems() -> dict[str, Any]:
    schema = TypeAdapter(problems.Problem).json_schema(ref_template=_SCHEMA_REF + "{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _with_plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """Call a page of orders OrderViewPage, not Page_OrderView_."""
    named: dict[str, Any] = json.loads(_PAGE_NAME.sub(r'"\1\2Page"', json.dumps(document)))
    return named


def _require_answers(document: dict[str, Any]) -> None:
    """Make every field of an answer required: they are always sent, also those that have a default in the code."""
    schemas = document["components"]["schemas"]
    operations = [one for path in document["paths"].values() for one in path.values()]
    asked = _reached(schemas, [one.get("requestBody", {}) for one in operations])
    for name in _reached(schemas, [one["responses"] for one in operations]) - asked:
        if "properties" in schemas[name]:
            schemas[name]["required"] = list(schemas[name]["properties"])


def _reached(schemas: Mapping[str, Any], nodes: list[Any]) -> set[str]:
    """The schemas that these parts of a document refer to, also by way of others."""
    found: set[str] = set()
    waiting = set(_REFERENCE.findall(json.dumps(nodes)))
    while waiting:
        found |= waiting
        waiting = set(_REFERENCE.findall(json.dumps([schemas[name] for name in waiting]))) - found
    return found


def _drop_titles(node: Any) -> None:
    """Remove the titles that are made from the names of fields: they say nothing and double the document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"properties", "schemas"}:
                for schema in value.values():
                    schema.pop("title", None)
                    _drop_titles(schema)
            elif key not in {"example", "examples", "info"}:
                if key in {"schema", "items"} and isinstance(value, dict):
                    value.pop("title", None)
                _drop_titles(value)
    elif isinstance(node, list):
        for one in node:
            _drop_titles(one)


def _drop_unused(document: dict[str, Any]) -> None:
    """Remove the components that nothing refers to, and those that only they refer to."""
    components = document["components"]
    groups = [group for group in components if group != "securitySchemes"]
    while True:
        text = json.dumps(document)
        unused = [
            (group, name) for group in groups for name in components[group]
            if f'"#/components/{group}/{name}"' not in text
        ]  # fmt: skip
        if not unused:
            break
        for group, name in unused:
            components[group] = {key: value for key, value in components[group].items() if key != name}
    used = {name for path in document["paths"].values() for one in path.values() for r in one["security"] for name in r}
    for name in set(components["securitySchemes"]) - used:
        del components["securitySchemes"][name]
    document["components"] = {group: content for group, content in components.items() if content}


def _tags(document: dict[str, Any]) -> list[dict[str, str]]:
    names = {tag: None for path in document["paths"].values() for one in path.values() for tag in one["tags"]}
    return [{"name": name, "description": name} for name in names]
