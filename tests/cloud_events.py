"""Reads records of topics as an official CloudEvents package does, and checks them against the AsyncAPI document."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema_rs
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from shared import asyncapi

Header = tuple[str, bytes]


@cache
def _validators(topic: str) -> list[Any]:
    document = asyncapi.document()
    return [
        jsonschema_rs.validator_for(
            {**document["components"]["messages"][name]["headers"], "components": document["components"]}
        )
        for name in document["channels"][topic]["messages"]
    ]


def read_event(topic: str, key: bytes, value: bytes, headers: Iterable[Header]) -> BaseCloudEvent:
    """The event of a record. Fails if the package cannot read it or the document does not describe its headers."""
    pairs = [(name, bytes(text)) for name, text in headers]
    assert len(dict(pairs)) == len(pairs), pairs
    if topic in asyncapi.document()["channels"]:
        shown = {name: text.decode() for name, text in pairs}
        assert any(one.is_valid(shown) for one in _validators(topic)), (topic, shown)
    return from_binary(KafkaMessage(headers=dict(pairs), key=bytes(key), value=bytes(value)), JSONFormat())
