"""Reading records of a topic as messages: decoding, dead letters, the newest version of each thing.

DECODERS = {topics.BINDINGS: msgspec.json.Decoder(BindingChanged)}

async def handle_bindings(session: Session, items: Items[BindingChanged]) -> None:
    changes = newest((change for _, change in items), key=..., version=...)
    await repository.upsert(session, list(changes.values()))

worker.consume("accounting.bindings", topics.BINDINGS, decoder=DECODERS[topics.BINDINGS], handler=handle_bindings)
dead_letter_router(readable=readable_by(DECODERS), ...)
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from shared.consumer import DeadLetter, Handler
from shared.eventlog import StoredRecord
from shared.polling import Prepare

T = TypeVar("T")
K = TypeVar("K")
T_co = TypeVar("T_co", covariant=True)

UNREADABLE_RECORD = "UNREADABLE_RECORD"
# What a decoder raises for bytes it cannot read.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

# Readable records, each with its message.
Items = Sequence[tuple[StoredRecord, T]]
ItemHandler = Callable[[AsyncSession, Items[T]], Awaitable[None]]


class Decoder(Protocol[T_co]):
    """A msgspec decoder of one message type."""

    def decode(self, value: bytes, /) -> T_co: ...


class Decoded(msgspec.Struct, Generic[T], frozen=True):
    """The readable records of a poll with their messages, and the others as dead letters."""

    items: Items[T]
    dead: Sequence[DeadLetter]


def decoded(records: Sequence[StoredRecord], decoder: Decoder[T], *, compacted: bool = False) -> Decoded[T]:
    """Decode every record for itself: a bad one becomes a dead letter and does not harm the others.

    A record without a value is a deletion mark in a compacted topic and is skipped. Elsewhere it is unreadable.
    """
    items: list[tuple[StoredRecord, T]] = []
    dead: list[DeadLetter] = []
    for record in records:
        if compacted and record.value is None:
            continue
        try:
            items.append((record, decoder.decode(record.value or b"")))
        except UNREADABLE as exc:
            dead.append(DeadLetter(record, UNREADABLE_RECORD, str(exc)))
    return Decoded(items, dead)


def newest(messages: Iterable[T], key: Callable[[T], K], version: Callable[[T], int]) -> dict[K, T]:
    """Return the message with the highest version of each key, in whatever order they arrived."""
    found: dict[K, T] = {}
    for message in messages:
        name = key(message)
        known = found.get(name)
        if known is None or version(known) < version(message):
            found[name] = message
    return found


def prepare_decoded(decoder: Decoder[T], prepare: Callable[[Decoded[T]], Any] | None, *, compacted: bool) -> Prepare:
    """Return a `prepare` of a consumer that decodes records, then passes them to the consumer's own `prepare`."""

    def decode(records: Sequence[StoredRecord]) -> Any:
        found = decoded(records, decoder, compacted=compacted)
        return found if prepare is None else prepare(found)

    return decode


def handle_decoded(handler: ItemHandler[T]) -> Handler:
    """Return a consumer's handler that calls `handler` if there are readable items, and sets the others aside."""

    async def handle(session: AsyncSession, found: Decoded[T]) -> Sequence[DeadLetter]:
        if found.items:
            await handler(session, found.items)
        return found.dead

    return handle
