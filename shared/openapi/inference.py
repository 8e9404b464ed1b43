"""What an expression in the code of a service stands for: a live object of a module, or a value of a known type.

A small part of type inference, enough to follow calls: names of modules and classes, annotated parameters and
variables, attributes that a constructor stores, what functions return.
"""

import ast
import collections.abc
import contextlib
import functools
import inspect
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT = ("services.", "shared.")
_ITERATED: Final = (collections.abc.Iterator, collections.abc.AsyncIterator)
_MEMBERS: Final = (collections.abc.Mapping, dict, collections.abc.Sequence, list, tuple)


@dataclass(frozen=True, slots=True)
class Live:
    """An object that exists: a module, a class, a function, a constant, a part of the application's state."""

    value: Any


@dataclass(frozen=True, slots=True)
class Typed:
    """Some value of a type."""

    hint: Any

    @property
    def cls(self) -> type | None:
        origin = typing.get_origin(self.hint) or self.hint
        return origin if isinstance(origin, type) else None


Meaning = Live | Typed | None
Env = dict[str, Meaning]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def is_of_project(value: object) -> bool:
    module = getattr(value, "__module__", None)
    return isinstance(module, str) and f"{module}.".startswith(PROJECT)


def plain_function(value: object) -> types.FunctionType | None:
    """The function of the project behind a method, a partial or a decorated function."""
    while True:
        if isinstance(value, functools.partial):
            value = value.func
        elif isinstance(value, types.MethodType | classmethod | staticmethod):
            value = value.__func__
        elif hasattr(value, "__wrapped__"):
            value = value.__wrapped__
        else:
            break
    return value if isinstance(value, types.FunctionType) and is_of_project(value) else None


@functools.cache
def _nodes_of(file: str) -> dict[tuple[str, int], FunctionNode]:
    found: dict[tuple[str, int], FunctionNode] = {}
    if not Path(file).is_file():  # generated code, such as the constructor of a dataclass
        return found
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)])] = node
        elif isinstance(node, ast.Lambda):
            found["<lambda>", node.lineno] = node
    return found


def node_of(function: types.FunctionType) -> FunctionNode | None:
    code = function.__code__
    return _nodes_of(code.co_filename).get((code.co_name, code.co_firstlineno))


@functools.cache
def hints_of(value: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(value)
    except (NameError, TypeError, AttributeError):
        return {}


def _without_none(hint: Any) -> Any:
    """`T | None` is T: the code handles the None before it uses the value."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        return parts[0] if len(parts) == 1 else None
    return hint


def typed(hint: Any) -> Meaning:
    hint = _without_none(hint)
    return None if hint in {None, Any} else Typed(hint)


def returned_by(function: types.FunctionType) -> Meaning:
    hint = hints_of(function).get("return")
    if typing.get_origin(hint) in _ITERATED:  # a context manager or a generator: what it yields
        hint = typing.get_args(hint)[0]
    return typed(hint)


@functools.cache
def _stored_by_constructor(cls: type) -> dict[str, Any]:
    """Types of the attributes that `__init__` stores from its annotated parameters, or makes of a class."""
    init = cls.__dict__.get("__init__")
    function = plain_function(init) if init is not None else None
    node = node_of(function) if function is not None else None
    if function is None or node is None:
        return {}
    hints, found = hints_of(function), {}
    env: Env = {name: typed(hint) for name, hint in hints.items()}
    for statement in ast.walk(node):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Attribute):
            with contextlib.suppress(Exception):
                found[statement.target.attr] = eval(  # noqa: S307 - an annotation of this project
                    ast.unparse(statement.annotation), function.__globals__
                )
        elif isinstance(statement, ast.Assign):
            for target, value in assigned_pairs(statement):
                if isinstance(target, ast.Attribute):
                    meaning = Reader(function, env).meaning(value)
                    if isinstance(meaning, Typed):
                        found[target.attr] = meaning.hint
                    elif isinstance(meaning, Live) and not callable(meaning.value):
                        found[target.attr] = type(meaning.value)
    return found


def assigned_pairs(statement: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    target = statement.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
        return list(zip(target.elts, statement.value.elts, strict=False))
    return [(target, statement.value)]


def attribute_of(cls: type, name: str) -> Meaning:
    """An attribute of an instance: a method, the type of a property or of a stored value."""
    for base in cls.__mro__:
        if name in base.__dict__:
            value = base.__dict__[name]
            if isinstance(value, property):
                return returned_by(value.fget) if isinstance(value.fget, types.FunctionType) else None
            if isinstance(value, types.FunctionType | classmethod | staticmethod):
                return Live(value)
        hint = hints_of(base).get(name) if is_of_project(base) else None
        stored = hint if hint is not None else _stored_by_constructor(base).get(name)
        if stored is not None:
            return typed(stored)
    return None


class Reader:
    """Says what the expressions of one function mean. `env` are its parameters and variables so far."""

    def __init__(self, function: types.FunctionType, env: Env, state: Any = None) -> None:
        self._function, self.env, self._state = function, env, state
        self._free = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))

    def meaning(self, node: ast.AST) -> Meaning:
        match node:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Call(func=called):
                return self._result(self.meaning(called))
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.meaning(inner)
            case ast.Subscript(value=container, slice=key):
                return self._member(self.meaning(container), self.meaning(key))
            case ast.Constant(value=value):
                return Live(value)
            case ast.BoolOp(values=[*options]):
                return next((found for one in options if (found := self.meaning(one)) is not None), None)
            case ast.IfExp(body=first, orelse=second):
                return self.meaning(first) or self.meaning(second)
            case _:
                return None

    def _name(self, name: str) -> Meaning:
        if name in self.env:
            return self.env[name]
        if name in self._free:
            with contextlib.suppress(ValueError):  # an empty cell
                return Live(self._free[name].cell_contents)
            return None
        scope = self._function.__globals__
        return Live(scope[name]) if name in scope else None

    def _attribute(self, node: ast.Attribute) -> Meaning:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "state":
            return Live(getattr(self._state, node.attr)) if hasattr(self._state, node.attr) else None
        base = self.meaning(node.value)
        if isinstance(base, Typed):
            return attribute_of(base.cls, node.attr) if base.cls is not None else None
        if base is None:
            return None
        if isinstance(base.value, types.ModuleType | type) or is_of_project(type(base.value)):
            found = inspect.getattr_static(base.value, node.attr, None)
            if isinstance(found, types.MemberDescriptorType):  # a slot
                found = getattr(base.value, node.attr, None)
            if isinstance(found, types.FunctionType) and not isinstance(base.value, types.ModuleType | type):
                return Live(types.MethodType(found, base.value))  # of this very object
            if found is not None and not isinstance(found, property):
                return Live(found)
        return attribute_of(type(base.value), node.attr) if is_of_project(type(base.value)) else None

    @staticmethod
    def _result(called: Meaning) -> Meaning:
        if not isinstance(called, Live):
            return None
        if isinstance(called.value, type):
            return Typed(called.value)
        function = plain_function(called.value)
        return returned_by(function) if function is not None else None

    @staticmethod
    def _member(container: Meaning, key: Meaning) -> Meaning:
        if isinstance(container, Live) and isinstance(container.value, dict) and isinstance(key, Live):
            return Live(container.value[key.value]) if key.value in container.value else None
        if isinstance(container, Typed) and typing.get_origin(container.hint) in _MEMBERS:
            return typed([one for one in typing.get_args(container.hint) if one is not ...][-1])
        return None
