"""The error classes that a route can answer with, read from the code that it reaches.

A declaration beside a route drifts from the code below it. So nothing is declared: the code of the route, of its
dependencies and of everything that they call is read once. A class of `AppError` that is raised, built or looked up
there counts, unless a `try` on the way catches it and does not raise it again.
"""

import ast
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi.exceptions import RequestValidationError

from shared.approvals import Approvals
from shared.errors import AppError, InvalidRequest, MalformedBody
from shared.openapi import inference
from shared.openapi.inference import (
    Env,
    Live,
    Meaning,
    Reader,
    Typed,
    assigned_pairs,
    hints_of,
    is_of_project,
    node_of,
    plain_function,
    typed,
)

_INVALID: Final = (InvalidRequest, MalformedBody)
_TABLE_DEPTH: Final = 3
Caught = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Callee:
    """A function, and the object whose method it is, if that is one of the application's own."""

    function: types.FunctionType
    owner: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Callee) and self.function is other.function and self.owner is other.owner

    def __hash__(self) -> int:
        return hash((self.function, id(self.owner)))


@dataclass(slots=True)
class _Use:
    """What one function refers to. `Caught`: the classes that the `try` statements around a reference stop."""

    errors: list[tuple[type[AppError], Caught]] = field(default_factory=list)
    calls: list[tuple[_Callee, Caught]] = field(default_factory=list)
    strings: set[str] = field(default_factory=set)


class _Walker(ast.NodeVisitor):
    def __init__(self, callee: _Callee, state: Any) -> None:
        function = callee.function
        hints = hints_of(function)
        env: Env = {name: typed(hint) for name, hint in hints.items() if name != "return"}
        node = node_of(function)
        names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
        for name in names:
            env.setdefault(name, None)
        owner = _owner_of(function)
        if owner is not None and names:
            is_class = isinstance(owner.__dict__.get(function.__name__), classmethod)
            own = Typed(owner) if callee.owner is None else Live(callee.owner)
            env[names[0]] = Live(owner) if is_class else own
        self.use = _Use()
        self._reader = Reader(function, env, state)
        self._caught: list[type[BaseException]] = []
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda) else [node.body]:
            self.visit(statement)

    # Names and attributes

    def visit_Name(self, node: ast.Name) -> None:
        self._refer(self._reader.meaning(node))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._refer(self._reader.meaning(node))
        self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.use.strings.add(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "issubclass"}:
            return
        called = self._reader.meaning(node.func)
        if isinstance(called, Typed) and called.cls is not None:
            self._call(called.cls.__dict__.get("__call__"))
        self.generic_visit(node)

    def _refer(self, meaning: Meaning) -> None:
        if isinstance(meaning, Live):
            for value in _leaves(meaning.value):
                if isinstance(value, str):
                    self.use.strings.add(value)
                elif isinstance(value, AppError):
                    self._error(type(value))
                elif isinstance(value, type):
                    self._class(value)
                else:
                    self._call(value)

    def _class(self, cls: type) -> None:
        if issubclass(cls, AppError):
            self._error(cls)
        elif issubclass(cls, RequestValidationError):
            for one in _INVALID:
                self._error(one)
        elif is_of_project(cls):
            for name in ("__init__", "__post_init__"):
                self._call(cls.__dict__.get(name))

    def _error(self, cls: type[AppError]) -> None:
        self.use.errors.append((cls, tuple(self._caught)))

    def _call(self, value: object) -> None:
        self.use.calls += [(callee, tuple(self._caught)) for callee in _callees_of(value)]

    # Variables

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if isinstance(node.target, ast.Name):
            found = self._reader.meaning(node.value) if node.value is not None else None
            self._reader.env[node.target.id] = found or self._annotated(node.annotation)
        if node.value is not None:
            self.visit(node.value)

    def _annotated(self, annotation: ast.expr) -> Meaning:
        meaning = self._reader.meaning(annotation)
        return typed(meaning.value) if isinstance(meaning, Live) else None

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        meanings = [(target, self._reader.meaning(value)) for target, value in assigned_pairs(node)]
        self._reader.env |= {target.id: meaning for target, meaning in meanings if isinstance(target, ast.Name)}

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if isinstance(node.optional_vars, ast.Name):
            self._reader.env[node.optional_vars.id] = self._reader.meaning(node.context_expr)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        for statement in node.body:
            self.visit(statement)

    # Handlers

    def visit_Try(self, node: ast.Try) -> None:
        before = list(self._caught)
        for handler in node.handlers:
            if handler.type is not None and not _lets_pass(handler):
                self._caught += self._classes(handler.type)
        for statement in node.body:
            self.visit(statement)
        self._caught = before
        for handler in node.handlers:
            for statement in handler.body:
                self.visit(statement)
        for statement in (*node.orelse, *node.finalbody):
            self.visit(statement)

    def _classes(self, node: ast.expr) -> Iterator[type[BaseException]]:
        for one in node.elts if isinstance(node, ast.Tuple) else [node]:
            meaning = self._reader.meaning(one)
            if isinstance(meaning, Live):
                for value in _leaves(meaning.value):
                    if isinstance(value, type) and issubclass(value, BaseException):
                        yield value
            elif isinstance(one, ast.Name) and one.id == "Exception":
                yield Exception


def _lets_pass(handler: ast.ExceptHandler) -> bool:
    """Whether the error goes on: raised again, or returned or kept as a value."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise) and (node.exc is None or _holds(node.exc, handler.name)):
            return True
        if isinstance(node, ast.Return | ast.Assign) and _holds(node.value, handler.name):
            return True
    return False


def _holds(node: ast.AST | None, name: str | None) -> bool:
    """Whether this value is, or contains, the variable itself. What is computed from it does not count."""
    if node is None or isinstance(node, ast.Call | ast.Attribute):
        return False
    if isinstance(node, ast.Name):
        return node.id == name
    return any(_holds(inner, name) for inner in ast.iter_child_nodes(node))


def _leaves(value: Any, depth: int = _TABLE_DEPTH) -> Iterator[Any]:
    """The members of a table of errors or functions; anything else itself."""
    if isinstance(value, Mapping | tuple | list | frozenset | set) and not isinstance(value, str) and depth:
        for member in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(member, depth - 1)
    else:
        yield value


def _owner_of(function: types.FunctionType) -> type | None:
    """The class whose method this is."""
    *path, _ = function.__qualname__.split(".")
    owner: Any = None
    for name in path:
        owner = function.__globals__.get(name) if owner is None else getattr(owner, name, None)
    return owner if isinstance(owner, type) else None


def _with_overrides(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """The function, and those that stand for it in subclasses or in implementations of its protocol."""
    yield function
    owner = _owner_of(function)
    if owner is None:
        return
    others = _implementations(owner) if typing.Protocol in owner.__bases__ else owner.__subclasses__()
    for other in others:
        found = plain_function(other.__dict__.get(function.__name__))
        if found is not None:
            yield found


_implementations_found: dict[type, list[type]] = {}


def _implementations(protocol: type) -> list[type]:
    found = _implementations_found.get(protocol)
    if found is None:
        names = [name for name, value in protocol.__dict__.items() if isinstance(value, types.FunctionType)]
        names = [name for name in names if not name.startswith("__")]
        found = [cls for cls in _classes_of_project() if names and all(name in cls.__dict__ for name in names)]
        _implementations_found[protocol] = found
    return found


def _classes_of_project() -> list[type]:
    return [
        value
        for module in list(sys.modules.values())
        if f"{getattr(module, '__name__', '')}.".startswith(inference.PROJECT)
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def _callees_of(value: object) -> Iterator[_Callee]:
    """What a call of this value runs. Of an object of the application it is that object's method and nobody else's."""
    function = plain_function(value)
    if function is None:
        return
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, type):
        yield _Callee(function, owner)
        return
    for one in _with_overrides(function):
        yield _Callee(one)


class RaisedErrors:
    """Answers for the routes of one application. `state` is the application's: what routes take from it is known."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self._uses: dict[_Callee, _Use] = {}

    def of(self, calls: Iterable[Any]) -> set[type[AppError]]:
        """The classes that a route with these functions (its own and its dependencies') can raise."""
        roots = [found for call in calls for found in _functions_of(call)]
        reached = self._reach(roots)
        kinds = self._kinds(reached)
        if kinds:
            roots += kinds
            reached = self._reach(roots)
        found = self._solve(reached)
        return set().union(*(found[root] for root in roots))

    def _use(self, callee: _Callee) -> _Use:
        if callee not in self._uses:
            self._uses[callee] = _Walker(callee, self._state).use
        return self._uses[callee]

    def _reach(self, roots: Iterable[_Callee]) -> set[_Callee]:
        reached: set[_Callee] = set()
        waiting = list(roots)
        while waiting:
            callee = waiting.pop()
            if callee not in reached:
                reached.add(callee)
                waiting += [called for called, _ in self._use(callee).calls]
        return reached

    def _kinds(self, reached: set[_Callee]) -> list[_Callee]:
        """What the proposals do that a route makes or decides: the kinds whose names its code holds."""
        approvals = getattr(self._state, "approvals", None)
        functions = {callee.function for callee in reached}
        acts = bool(functions & {Approvals.propose, Approvals.approve})
        decides = bool(functions & {Approvals.approve, Approvals.reject, Approvals.reject_or_withdraw})
        if not isinstance(approvals, Approvals) or not (acts or decides):
            return []
        strings = set().union(*(self._use(callee).strings for callee in reached))
        named = [kind for kind in approvals.kinds if kind.name in strings]
        called: list[Any] = [one for kind in named for one in (kind.preview, kind.act, kind.spell) if acts]
        called += [kind.check_decider for kind in named if decides and kind.check_decider is not None]
        return [found for one in called for found in _functions_of(one)]

    def _solve(self, reached: set[_Callee]) -> dict[_Callee, set[type[AppError]]]:
        found = {
            callee: {cls for cls, caught in self._use(callee).errors if not issubclass(cls, caught)}
            for callee in reached
        }
        changed = True
        while changed:
            changed = False
            for callee in reached:
                for called, caught in self._use(callee).calls:
                    new = {cls for cls in found[called] if not issubclass(cls, caught)} - found[callee]
                    if new:
                        found[callee] |= new
                        changed = True
        return found


def _functions_of(call: Any) -> Iterator[_Callee]:
    if plain_function(call) is None and is_of_project(type(call)):
        call = type(call).__dict__.get("__call__")
    yield from _callees_of(call)
