"""Looks at every problem document that a service answers in any test: is its code declared for the operation?

The codes of an operation in OpenAPI are read from its code (shared/openapi/raised.py). This is the proof that nothing
is overlooked there: a test that meets an undeclared code or an undeclared member fails.
"""

import json
from typing import Any

from starlette.types import Message

from shared import app as application
from shared.openapi.inference import is_of_project
from shared.openapi.problems import GATEWAY, Problem, Refusal
from shared.problems import MEDIA_TYPE

_MEMBERS = frozenset(Problem.model_fields)
# The frame answers these before a route is known, whatever the route is.
_ANYWHERE = frozenset({"PAYLOAD_TOO_LARGE", *(one.code for one in GATEWAY)})
_send = application._Exchange.send
_known: dict[str, dict[tuple[str, str], list[Refusal]]] = {}
undeclared: list[str] = []


async def _checked_send(exchange: Any, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = dict(message.get("headers", []))
        exchange.is_problem = headers.get(b"content-type", b"").startswith(MEDIA_TYPE.encode())
    elif message["type"] == "http.response.body" and getattr(exchange, "is_problem", False) and message.get("body"):
        _check(exchange._scope, json.loads(message["body"]))
    await _send(exchange, message)


def _refusals(app: Any) -> dict[tuple[str, str], list[Refusal]]:
    """The refusals of every operation of a service. Read once in a process: tests make many applications."""
    service = app.state.service
    if service not in _known:
        errors = app.state.api_document.errors
        _known[service] = {
            operation: [refusal for error in found for refusal in Refusal.of(error)]
            for operation, found in errors.items()
        }
    return _known[service]


def _check(scope: dict[str, Any], problem: dict[str, Any]) -> None:
    route = scope.get("route")
    if not is_of_project(getattr(route, "endpoint", None)) or problem["code"] in _ANYWHERE:
        return  # an application made by a test, or the frame itself
    operation = (getattr(route, "path_format", ""), scope["method"])
    refusals = _refusals(scope["app"]).get(operation)
    if refusals is None:
        return  # not in the document
    where = f"{scope['method']} {operation[0]}"
    named = [one for one in refusals if one.code == problem["code"]]
    if not named:
        undeclared.append(f"{where} answers {problem['code']}, which its code does not seem to raise")
    elif all(one.status != problem["status"] for one in named):
        undeclared.append(f"{where} answers {problem['code']} with {problem['status']}")
    unknown = set(problem) - _MEMBERS - {name for one in named for name in one.members}
    if named and unknown:
        undeclared.append(f"{where} answers {problem['code']} with undeclared members {sorted(unknown)}")


def watch() -> None:
    setattr(application._Exchange, "send", _checked_send)  # noqa: B010 - for all tests of this process
