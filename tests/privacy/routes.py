"""Every route of the four applications: the operations of OpenAPI with what they require, and the internal routes."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from shared.problems import MEDIA_TYPE

METHODS = ("get", "post", "put", "delete", "patch")


@dataclass(frozen=True)
class Operation:
    """`requires`: citizen, operator, till, cp1, or nobody. `scopes` of an operator, one of which is enough.

    `takes_citizen`: a public route that shows a citizen more. `codes` of all its error answers.
    """

    service: str
    method: str
    path: str
    requires: str
    scopes: tuple[str, ...]
    body: Any
    parameters: tuple[str, ...]
    query: Mapping[str, str]
    takes_citizen: bool
    codes: frozenset[str]

    def filled(self, values: Mapping[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], str(uuid.uuid4())), self.path)

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


_declared: dict[str, list[Operation]] = {}


def declared(apps: Mapping[str, FastAPI]) -> list[Operation]:
    """All operations of the services. Read once in a process: each test makes applications of its own."""
    for service, app in apps.items():
        if service not in _declared:
            _declared[service] = list(operations_of(service, app))
    return [one for service in apps for one in _declared[service]]


def operations_of(service: str, app: FastAPI) -> Iterator[Operation]:
    document = app.openapi()
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(service, method, path, item[method], document)


def _operation(service: str, method: str, path: str, operation: Mapping[str, Any], document: Any) -> Operation:
    security = operation.get("security")
    requires, scopes = "nobody", ()
    if security and {} not in security:
        [(requires, found)] = security[0].items()
        scopes = tuple(found)
    parameters = [_resolved(one, document) for one in operation.get("parameters", ())]
    query = {
        one["name"]: str(_example(one["schema"], document))
        for one in parameters
        if one["in"] == "query" and one.get("required")
    }
    content = _resolved(operation.get("requestBody", {}), document).get("content", {}).get("application/json")
    body = None if content is None else _body(content, document)
    names = tuple(re.findall(r"\{(\w+)\}", path))
    takes_citizen = requires == "citizen" or {} in (security or ())
    codes = frozenset(_codes(operation, document))
    return Operation(service, method, path, requires, scopes, body, names, query, takes_citizen, codes)


def _codes(operation: Mapping[str, Any], document: Any) -> Iterator[str]:
    for answer in operation["responses"].values():
        problem = _resolved(answer, document).get("content", {}).get(MEDIA_TYPE)
        if problem is not None:
            yield from problem["schema"]["allOf"][1]["properties"]["code"]["enum"]


def _resolved(node: Any, document: Any) -> Any:
    while isinstance(node, Mapping) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _body(content: Mapping[str, Any], document: Any) -> Any:
    if "example" in content:
        return content["example"]
    if "examples" in content:
        return next(iter(content["examples"].values())).get("value")
    return _example(content["schema"], document)


def _example(schema: Any, document: Any) -> Any:
    """A value that fits: the schema's example, or one made of its properties."""
    schema = _resolved(schema, document)
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return _example(schema[name][0], document)
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", ())
        return {name: _example(schema["properties"][name], document) for name in wanted}
    if kind == "array":
        return [_example(schema["items"], document)] if schema.get("minItems") else []
    if kind == "string":
        return str(uuid.uuid4()) if schema.get("format") == "uuid" else "text" * (1 + schema.get("minLength", 0) // 4)
    return {"integer": schema.get("minimum", 1), "boolean": True}.get(str(kind))


def undeclared_routes(service: str, app: FastAPI, public: frozenset[str]) -> list[str]:
    """Routes that OpenAPI does not show and that are neither internal nor listed.

    What takes every method, such as a mounted application or a websocket, is never shown.
    """
    shown = {(one.method, one.path) for one in declared({service: app})}
    found = []
    for route in every_route(app):
        for method in sorted(route.methods or ("ANY",)):
            if method == "HEAD" or (method.lower(), str(route.path_format)) in shown or str(route.path) in public:
                continue
            if not str(route.path).startswith(f"/internal/{service}/"):
                found.append(f"{method} {route.path}")
    return found


def internal_routes(service: str, app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method, str(route.path))
        for route in every_route(app)
        for method in sorted(route.methods or ("ANY",))
        if str(route.path).startswith(f"/internal/{service}/") and method != "HEAD"
    ]


def every_route(app: FastAPI) -> Iterator[RouteContext]:
    yield from iter_route_contexts(app.routes)
