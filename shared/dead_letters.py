"""Dead letters for operators: list them, replay them unchanged, or discard them. Each is resolved once.

A replay with a changed record is a mend and needs a second person: `shared/dead_letter_mends.py`.

A service declares the table of resolutions beside its plumbing tables (`add_resolution_table`) and mounts the routes of
`shared/dead_letter_routes.py`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock, outbox, sentences
from shared.contracts.event_types import replayed_headers
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.eventlog import Record
from shared.projection import UNREADABLE, Decoder

State = Literal["open", "replayed", "discarded"]
ReadableCheck = Callable[[str, bytes], str | None]
"""Takes a topic and a value; returns why the topic's consumer cannot read the value, None if it can."""

REPLAY_HEADER = "deadletter_replay"
KEPT_DAYS = 180
_FORGET_MAX = 5_000

Row = Mapping[str, Any]


class Audit(Protocol):
    """The method `record` of a service's audit log."""

    def __call__(
        self,
        session: AsyncSession,
        *,
        subject: str,
        action: str,
        about: str,
        reason: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> Awaitable[None]: ...


class DeadLetterNotFound(NotFound):
    code = "DEAD_LETTER_NOT_FOUND"
    says = sentences.DEAD_LETTER_NOT_FOUND


class DeadLetterResolved(Conflict):
    code = "DEAD_LETTER_RESOLVED"
    says = sentences.DEAD_LETTER_RESOLVED
    members: ClassVar = {"state": str}


class StillUnreadable(InvalidRequest):
    code = "STILL_UNREADABLE"
    says = sentences.STILL_UNREADABLE
    members: ClassVar = {"why": str}


def add_resolution_table(metadata: MetaData) -> None:
    """Declare the table of resolutions: one row per resolved dead letter, never changed."""
    letters = metadata.tables[f"{metadata.schema}.dead_letter"]
    Table(
        "dead_letter_resolution",
        metadata,
        Column(
            "dead_letter_id",
            BigInteger,
            ForeignKey(letters.c.id, ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False, comment="who: the subject of the operator's token"),
        Column("reason", Text, nullable=False),
        Column("edited", Boolean, nullable=False),
        Column("value", LargeBinary, comment="what was published; null for a discarded one"),
        Column("resolved_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        CheckConstraint("action IN ('replayed', 'discarded')", name="action"),
    )


def readable_by(decoders: Mapping[str, Decoder[Any]]) -> ReadableCheck:
    """`decoders`: the decoder of each topic that the service consumes. A topic may carry the programme's prefix."""

    def unreadable_because(topic: str, value: bytes) -> str | None:
        decoder = next((found for name, found in decoders.items() if topic.endswith(name)), None)
        if decoder is None:
            return f"no consumer of {topic}"
        try:
            decoder.decode(value)
        except UNREADABLE as exc:
            return str(exc)
        return None

    return unreadable_because


# --- personal data ----------------------------------------------------------------------------------------------------

_MASKS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "***@***"),
    (re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])"), "***id***"),
    (re.compile(r"(?<![0-9])(?:86)?(1[3-9][0-9])[0-9]{8}(?![0-9])"), r"\1********"),
    (re.compile(r"(?<![0-9A-Fa-f])([0-9A-Fa-f]{6})[0-9A-Fa-f]{26,}(?![0-9A-Fa-f])"), r"\1…"),
    (re.compile(r"(-?[0-9]{1,3})\.[0-9]{3,}"), r"\1.***"),
)


def masked(value: str) -> str:
    """Mask e-mail addresses, identity and phone numbers, keyed hashes and coordinates.

    Valid records hold none of these, but a dead letter is an invalid record and may hold anything.
    """
    for pattern, instead in _MASKS:
        value = pattern.sub(instead, value)
    return value


# --- the two tables ---------------------------------------------------------------------------------------------------

_COLUMNS = (
    'd.id, d.consumer, d.topic, d.partition, d."offset", d.reason, d.message, d.key, d.value, d.appended_at,'
    " d.created_at, coalesce(r.action, 'open') AS state, r.subject, r.reason AS why, r.edited,"
    " r.value AS published, r.resolved_at"
)


def _from(schema: str) -> str:
    return f'"{schema}".dead_letter d LEFT JOIN "{schema}".dead_letter_resolution r ON r.dead_letter_id = d.id'


async def list_letters(
    session: AsyncSession, schema: str, *, state: State | None, consumer: str | None, before: int | None, limit: int
) -> Sequence[Row]:
    """Return dead letters with their resolution, newest first."""
    found = await session.execute(
        text(
            f"SELECT {_COLUMNS} FROM {_from(schema)}"
            " WHERE (CAST(:state AS text) IS NULL OR coalesce(r.action, 'open') = :state)"
            " AND (CAST(:consumer AS text) IS NULL OR d.consumer = :consumer)"
            " AND (CAST(:before AS bigint) IS NULL OR d.id < :before) ORDER BY d.id DESC LIMIT :limit"
        ),
        {"state": state, "consumer": consumer, "before": before, "limit": limit},
    )
    return [dict(row) for row in found.mappings()]


async def get_letter(session: AsyncSession, schema: str, letter_id: int) -> Row:
    """Raises DeadLetterNotFound."""
    found = await session.execute(text(f"SELECT {_COLUMNS} FROM {_from(schema)} WHERE d.id = :id"), {"id": letter_id})
    row = found.mappings().first()
    if row is None:
        raise DeadLetterNotFound
    return dict(row)


async def original_of(session: AsyncSession, schema: str, letter_id: int) -> bytes | None:
    """The original bytes; None also when the letter was deleted after KEPT_DAYS."""
    found = await session.execute(text(f'SELECT value FROM "{schema}".dead_letter WHERE id = :id'), {"id": letter_id})
    value: bytes | None = found.scalar_one_or_none()
    return value


async def lock_letter(session: AsyncSession, schema: str, letter_id: int, action: str) -> tuple[Row, bool]:
    """Lock the letter. Return it and whether it already has this resolution. Raises DeadLetterNotFound, …Resolved."""
    await session.execute(text(f'SELECT 1 FROM "{schema}".dead_letter WHERE id = :id FOR UPDATE'), {"id": letter_id})
    row = await get_letter(session, schema, letter_id)
    if row["state"] not in {"open", action}:
        raise DeadLetterResolved(extensions={"state": row["state"]})
    return row, row["state"] == action


async def lock_open(session: AsyncSession, schema: str, letter_id: int) -> Row:
    """Lock the letter. Raises DeadLetterNotFound, and DeadLetterResolved if it is not open."""
    row, _ = await lock_letter(session, schema, letter_id, "open")
    return row


async def resolve(session: AsyncSession, schema: str, letter_id: int, **values: object) -> None:
    """`values`: action, subject, reason, edited and value of the table of resolutions."""
    await session.execute(
        text(
            f'INSERT INTO "{schema}".dead_letter_resolution (dead_letter_id, action, subject, reason, edited, value)'
            " VALUES (:id, :action, :subject, :reason, :edited, :value)"
        ),
        {"id": letter_id, **values},
    )


async def publish_again(session: AsyncSession, schema: str, letter_id: int, row: Row, value: bytes) -> None:
    """Add the letter to the outbox with this value, under its key, for its topic."""
    headers = replayed_headers(row["topic"], value, letter_id=letter_id, source=f"/{schema}", at=clock.now())
    record = Record(key=row["key"], value=value, headers=(*headers, (REPLAY_HEADER, str(letter_id).encode())))
    await outbox.add(session, schema, row["topic"], [record])


async def replay(
    session: AsyncSession,
    schema: str,
    letter_id: int,
    *,
    reason: str,
    subject: str,
    readable: ReadableCheck,
    audit: Audit,
) -> tuple[Row, bool]:
    """Publish the unchanged letter again, once, under its key. A repeated call returns the first resolution, and True.

    Use it after fixing the consumer. Raises DeadLetterNotFound, DeadLetterResolved (discarded), StillUnreadable.
    """
    row, again = await lock_letter(session, schema, letter_id, "replayed")
    if again:
        return row, True
    value = row["value"] or b""
    why = readable(row["topic"], value)
    if why is not None:
        raise StillUnreadable(extensions={"why": masked(why)[:300]})
    await publish_again(session, schema, letter_id, row, value)
    await resolve(
        session, schema, letter_id, action="replayed", subject=subject, reason=reason, edited=False, value=value
    )
    shown = masked_text(value)
    await audit(
        session,
        subject=subject,
        action="dead_letter.replay",
        about=f"dead_letter:{letter_id}",
        reason=reason,
        before={"reason": row["reason"], "value": shown},
        after={"edited": False, "value": shown},
    )
    return await get_letter(session, schema, letter_id), False


async def discard(
    session: AsyncSession, schema: str, letter_id: int, reason: str, *, subject: str, audit: Audit
) -> tuple[Row, bool]:
    """Resolve the letter without publishing it. A repeated call returns True. Raises as `replay` (if replayed)."""
    row, again = await lock_letter(session, schema, letter_id, "discarded")
    if again:
        return row, True
    await resolve(
        session, schema, letter_id, action="discarded", subject=subject, reason=reason, edited=False, value=None
    )
    await audit(
        session,
        subject=subject,
        action="dead_letter.discard",
        about=f"dead_letter:{letter_id}",
        reason=reason,
        before={"reason": row["reason"], "value": masked_text(row["value"])},
    )
    return await get_letter(session, schema, letter_id), False


async def delete_resolved(session: AsyncSession, *, schema: str) -> None:
    """Timed job: delete letters resolved more than KEPT_DAYS ago, a bounded number per run. Open ones stay."""
    await session.execute(
        text(
            f'DELETE FROM "{schema}".dead_letter WHERE id IN (SELECT dead_letter_id'
            f' FROM "{schema}".dead_letter_resolution'
            " WHERE resolved_at < clock_timestamp() - make_interval(days => :days) LIMIT :most)"
        ),
        {"days": KEPT_DAYS, "most": _FORGET_MAX},
    )


# --- values -----------------------------------------------------------------------------------------------------------

_SHOWN_CHARS_MAX = 4_000


def masked_text(value: bytes | None) -> str | None:
    """Return the value as text for operators and logs: masked and cut to 4,000 characters."""
    if value is None:
        return None
    return masked(value[: 2 * _SHOWN_CHARS_MAX].decode("utf-8", "replace").replace("\x00", "\ufffd"))[:_SHOWN_CHARS_MAX]
