"""C13: the times of every answer carry the programme's offset and whole seconds."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, PlainSerializer, TypeAdapter

from shared.instants import ExactInstant, Instant, next_minute, next_second, shown_act, stamp
from shared.language import Language
from shared.wording import span, spoken
from tests.contract.sentences import error_classes

AT = datetime(2026, 12, 27, 4, 52, 42, 324345, tzinfo=UTC)
SERIALIZERS = {str(get_args(kind)[1]) for kind in (Instant, ExactInstant)}
# A verifier compares these with what was sealed.
EXACT = {("BundledActivity", "received_at")}


def public_routes() -> Iterator[APIRoute]:
    error_classes()  # imports every module
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("services.", "shared.")):
            for router in vars(module).values():
                if isinstance(router, APIRouter):
                    yield from (
                        one for one in router.routes if isinstance(one, APIRoute) and "/internal/" not in one.path
                    )


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def answered_models() -> set[type[BaseModel]]:
    waiting = [model for route in public_routes() for model in models_in(route.response_model)]
    found: set[type[BaseModel]] = set()
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += [inner for field in model.model_fields.values() for inner in models_in(field.annotation)]
    return found


def is_stamped(annotation: Any, metadata: list[Any]) -> bool:
    if annotation is datetime:
        return any(isinstance(one, PlainSerializer) and str(one) in SERIALIZERS for one in metadata)
    if datetime in get_args(annotation) and metadata:
        return is_stamped(datetime, metadata)
    parts = get_args(annotation)
    if parts and hasattr(annotation, "__metadata__"):
        return is_stamped(parts[0], list(annotation.__metadata__))
    return all(is_stamped(part, []) for part in parts)


def test_c13_every_time_of_every_answer_is_an_instant() -> None:
    models = answered_models()
    assert len(models) > 100
    assert [
        f"{model.__module__}.{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not is_stamped(field.annotation, field.metadata)
    ] == []


def test_c13_only_proofs_keep_parts_of_seconds() -> None:
    exact = str(get_args(ExactInstant)[1])
    assert {
        (model.__name__, name)
        for model in answered_models()
        for name, field in model.model_fields.items()
        if exact in map(str, field.metadata)
    } == EXACT


def test_c13_the_walk_finds_a_plain_time() -> None:
    class Plain(BaseModel):
        one: datetime | None
        two: list[datetime]
        three: Instant | None

    assert [is_stamped(field.annotation, field.metadata) for field in Plain.model_fields.values()] == [
        False,
        False,
        True,
    ]


def test_c13_examples_of_the_documents_are_written_the_same_way() -> None:
    wrong = [
        f"{model.__name__}: {text}"
        for model in answered_models()
        for text in _texts(model.model_json_schema())
        if len(text) > 18 and text[4:5] == "-" and text[10:11] == "T" and not text.endswith("+08:00")
    ]
    assert wrong == []


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _texts(part)


def test_c13_an_instant_is_cut_to_its_second_in_beijing_time() -> None:
    adapter = TypeAdapter(Instant)
    assert adapter.dump_json(AT) == b'"2026-12-27T12:52:42+08:00"'
    assert adapter.dump_python(AT) == AT
    assert stamp(datetime(2026, 12, 31, 16, 0, tzinfo=UTC)) == "2027-01-01T00:00:00+08:00"
    assert TypeAdapter(ExactInstant).dump_json(AT) == b'"2026-12-27T12:52:42.324345+08:00"'


def test_c13_who_waits_for_a_moment_is_not_refused_again() -> None:
    assert next_second(AT) > AT
    assert next_second(next_second(AT)) == next_second(AT)
    assert (next_minute(AT) - AT).total_seconds() < 60
    assert next_minute(next_minute(AT)) == next_minute(AT)


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        (AT, "zh", "2026年12月27日 12:52"),
        (AT, "en", "27 December 2026, 12:52"),
        (date(2026, 1, 5), "zh", "2026年1月5日"),
        (date(2026, 1, 5), "en", "5 January 2026"),
        ([date(2026, 1, 5), "x"], "zh", "2026年1月5日、x"),
        (span(60), "zh", "1 分钟"),
        (span(86_400), "en", "1 day"),
        (span(7_200), "en", "2 hours"),
        (span(90), "zh", "90 秒"),
    ],
)
def test_c13_a_sentence_writes_times_as_its_reader_does(value: object, language: Language, text: str) -> None:
    assert spoken(value, language) == text


def test_c13_a_reported_act_shows_its_times_as_the_answer_does() -> None:
    act = {"started_at": "2026-12-27T04:52:42.5Z", "distance_m": 5, "ended_at": None}
    assert shown_act(act) == {"started_at": "2026-12-27T12:52:42+08:00", "distance_m": 5, "ended_at": None}
    assert shown_act(act, exact=True)["started_at"] == "2026-12-27T12:52:42.500000+08:00"


@pytest.mark.parametrize("write", [stamp, *(get_args(kind)[1].func for kind in (Instant, ExactInstant))])
def test_c13_a_time_without_offset_is_never_written_as_if_it_were_local(write: Callable[[datetime], str]) -> None:
    with pytest.raises(ValueError, match="offset"):
        write(AT.replace(tzinfo=None))


def test_c13_an_offset_is_written_once_and_with_a_colon() -> None:
    for zone in (UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=8))):
        text = stamp(AT.astimezone(zone))
        assert text == "2026-12-27T12:52:42+08:00"
        assert datetime.fromisoformat(text) == AT.replace(microsecond=0)


def test_c13_no_route_takes_an_instant_in_its_query() -> None:
    """A plus sign that a client copies into a query without encoding it would arrive as a space."""
    instants = [
        f"{route.path} {parameter.name}"
        for route in public_routes()
        for parameter in route.dependant.query_params
        if "datetime.datetime" in repr(parameter.field_info.annotation)
    ]
    assert instants == []
