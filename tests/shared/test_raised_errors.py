"""The error classes of a route, read from its code: what is raised below counts, what is caught on the way does not."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Annotated, Any, Protocol

import pytest
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError

from shared import sentences
from shared.errors import AppError, Conflict, NotFound, Unavailable
from shared.openapi import inference, raised
from shared.openapi.document import ApiDocument


class Gone(NotFound):
    code = "GONE"
    says = sentences.NOT_FOUND


class Sour(Conflict):
    code = "SOUR"
    says = sentences.CONFLICT
    members = {"level": int}  # noqa: RUF012 - a class variable of the base


class Store(Protocol):
    def take(self) -> None: ...


class Shelf:
    def take(self) -> None:
        raise Gone


class Kitchen:
    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store, self._shelf = store, shelf

    @property
    def shelf(self) -> Shelf:
        return self._shelf

    def cook(self) -> None:
        self._store.take()

    def look(self) -> None:
        self.shelf.take()


BY_TASTE: dict[str, type[AppError]] = {"sour": Sour}


@pytest.fixture(autouse=True)
def tests_are_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "PROJECT", ("tests.",))


def codes(*calls: Callable[..., Any], **state: Any) -> set[str]:
    return {error.code for error in raised.RaisedErrors(SimpleNamespace(**state)).of(calls)}


def by_table(taste: str) -> AppError:
    return BY_TASTE[taste]()


def through_a_protocol(kitchen: Kitchen) -> None:
    kitchen.cook()


def through_a_property(kitchen: Kitchen) -> None:
    kitchen.look()


def through_a_partial(kitchen: Kitchen) -> Any:
    return partial(through_a_property, kitchen)


def caught(kitchen: Kitchen) -> None:
    try:
        kitchen.look()
    except Gone:
        raise Sour from None


def caught_and_raised_again(kitchen: Kitchen) -> None:
    try:
        kitchen.look()
    except NotFound as error:
        print(error.code)
        raise


def caught_by_its_base(kitchen: Kitchen) -> None:
    try:
        kitchen.look()
    except AppError as error:
        print(isinstance(error, Unavailable))


def caught_and_returned(kitchen: Kitchen) -> AppError | None:
    try:
        kitchen.look()
    except AppError as error:
        return error
    return None


def from_the_state(request: Any) -> None:
    request.app.state.kitchen.look()


class Queue:
    """Runs what it was given when it was made, as a batch does."""

    def __init__(self, handle: Callable[[], object]) -> None:
        self._handle = handle

    def submit(self) -> None:
        self._handle()


def through_a_queue(request: Any) -> None:
    queue: Queue = request.app.state.queues["shelf"]
    queue.submit()


def of_a_body() -> None:
    raise RequestValidationError([])


def test_what_is_raised_below_counts() -> None:
    assert codes(by_table) == {"SOUR"}
    assert codes(through_a_protocol) == codes(through_a_property) == codes(through_a_partial) == {"GONE"}
    assert codes(from_the_state, kitchen=Kitchen(Shelf(), Shelf())) == {"GONE"}
    queues = {"shelf": Queue(Shelf().take), "table": Queue(partial(by_table, "sour"))}
    assert codes(through_a_queue, queues=queues) == {"GONE"}  # of this queue, not of every queue
    assert codes(of_a_body) == {"INVALID_REQUEST", "MALFORMED_BODY"}


def test_what_is_caught_on_the_way_does_not() -> None:
    assert codes(caught) == {"SOUR"}
    assert codes(caught_by_its_base) == set()
    assert codes(caught_and_raised_again) == codes(caught_and_returned) == {"GONE"}


def fresh(taste: str) -> str:
    raise Sour(extensions={"level": 3})


def test_a_dependency_counts_and_its_members_are_typed() -> None:
    app = FastAPI()

    @app.get("/soup", summary="Soup", tags=["Soup"])
    def soup(taste: Annotated[str, Depends(fresh)]) -> str:
        return taste

    document = ApiDocument(app, signed_headers={})
    assert "SOUR" in document.codes("/soup", "GET")
    answer = document.document["paths"]["/soup"]["get"]["responses"]["409"]
    own = answer["content"]["application/problem+json"]["schema"]["allOf"][1]
    assert own["properties"]["code"]["enum"] == ["SOUR"]
    assert own["properties"]["level"]["type"] == "integer"
