"""Refuses query parameters that a route does not know: a filter that is misspelled must not answer everything.

A parameter with one value that is given twice is refused as well: nobody can say which of the two is meant. Probes of
health may carry anything.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared import field_sentences
from shared.errors import FieldError, InvalidRequest
from shared.language import Text

# By the identity of the route, which is kept here, so that no other route gets its identity.
_known: Final[dict[int, tuple[APIRoute, dict[str, bool], bool]]] = {}


async def accept_any_parameters() -> None:
    """Dependency that marks a route whose callers may add parameters of their own: partners sign what they send.

    Another spelling of a parameter of the route is refused there, too: `dry-run=true` would otherwise post events.
    """


async def refuse_unknown_parameters(request: Request) -> None:
    """Dependency of every route, before its others. Raises InvalidRequest, one error per unknown or repeated name."""
    if not request.scope["query_string"]:
        return
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.path.startswith(("/api/", "/internal/")):
        return
    known, accepts_any = _known_to(route)
    spellings = {_plain(name) for name in known}
    errors = []
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known and accepts_any and _plain(name) not in spellings:
            continue
        if name not in known:
            allowed = ", ".join(sorted(known)) or "-"
            message = Text("没有这个查询条件，请去掉。", f"Not a parameter of this route. Known: {allowed}.")
            errors.append(FieldError(f"query.{name}", "UNKNOWN_PARAMETER", message))
        elif times > 1 and not known[name]:
            errors.append(FieldError(f"query.{name}", "REPEATED_PARAMETER", field_sentences.TWICE))
    if errors:
        raise InvalidRequest(field_errors=errors)


def _known_to(route: APIRoute) -> tuple[dict[str, bool], bool]:
    """Return the parameters of a route, whether each takes several values, and whether the route accepts others."""
    kept = _known.get(id(route))
    if kept is None:
        kept = route, dict(_parameters(route.dependant)), _accepts_any(route.dependant)
        _known[id(route)] = kept
    return kept[1:]


def _accepts_any(dependant: Dependant) -> bool:
    return any(below.call is accept_any_parameters or _accepts_any(below) for below in dependant.dependencies)


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "").casefold()


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for parameter in dependant.query_params:
        yield parameter.alias, _takes_several(parameter.field_info.annotation)
    for below in dependant.dependencies:
        yield from _parameters(below)


def _takes_several(annotation: Any) -> bool:
    """Whether a type is a collection of values, also one that may be absent."""
    kind = get_origin(annotation) or annotation
    if kind in {Union, UnionType, Annotated}:
        return any(_takes_several(part) for part in get_args(annotation))
    return isinstance(kind, type) and issubclass(kind, Collection) and not issubclass(kind, str | bytes)
