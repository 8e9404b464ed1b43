"""`Idempotency-Key`: a write repeated with the same key takes effect once and gets the same answer.

The row is written in the transaction of the effect, so neither exists without the other. 2xx answers and final
business refusals are stored. Answers to requests that may succeed later (5xx, 429, malformed input) are not. Rows are
deleted after KEPT_DAYS; from then on a permanent unique key of the effect itself prevents a second effect.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.errors import AppError, IdempotencyKeyInProgress, IdempotencyKeyMissing, IdempotencyKeyReused

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
KEPT_DAYS = 7
# The key of a request that died between its transactions is free again after this time. No request runs that long.
_IN_PROGRESS_S = 30
_FORMAT = re.compile(r"[\x21-\x7e]{8,128}")


@dataclass(frozen=True, slots=True)
class Key:
    """A validated key with the hash of its request."""

    value: str
    request_sha256: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    body: Any


async def _optional_key(request: Request) -> Key | None:
    return await _required_key(request) if HEADER in request.headers else None


async def _required_key(request: Request) -> Key:
    value = request.headers.get(HEADER, "").strip('"')
    if not _FORMAT.fullmatch(value):
        raise IdempotencyKeyMissing
    body = await request.body()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()
    return Key(value, digest)


RequiredKey = Annotated[Key, Depends(_required_key)]
OptionalKey = Annotated[Key | None, Depends(_optional_key)]


class Claim(NamedTuple):
    """One key of one subject."""

    subject: str
    key: Key


class Answer(NamedTuple):
    """A final answer to store."""

    subject: str
    key: str
    status: int
    body_json: str


async def begin(session: AsyncSession, *, schema: str, subject: str, route: str, key: Key) -> StoredAnswer | None:
    """Claim the key for this transaction, or return the stored answer.

    Waits while another transaction holds the key. Raises IdempotencyKeyReused (the key came with another request),
    IdempotencyKeyInProgress.
    """
    (found,) = await begin_many(session, schema=schema, route=route, claims=[Claim(subject, key)])
    if isinstance(found, AppError):
        raise found
    return found


async def begin_many(
    session: AsyncSession, *, schema: str, route: str, claims: Sequence[Claim]
) -> list[StoredAnswer | AppError | None]:
    """Claim keys of one route for this transaction: None for a claimed one, else the stored answer or the error.

    The claims are of different subjects or keys. As `begin` otherwise. It locks the claimed keys only, so that a
    transaction that stores an answer never waits for one that has merely read it.
    """
    table = f'"{schema}".idempotency_key'
    inserted = await session.execute(
        text(
            f"INSERT INTO {table} (subject, route, key, request_sha256)"
            " SELECT v.subject, :route, v.key, v.sha FROM"
            " unnest(CAST(:subjects AS text[]), CAST(:keys AS text[]), CAST(:shas AS text[])) AS v(subject, key, sha)"
            " ORDER BY v.subject, v.key ON CONFLICT DO NOTHING RETURNING subject, key"
        ),
        {
            "route": route,
            "subjects": [claim.subject for claim in claims],
            "keys": [claim.key.value for claim in claims],
            "shas": [claim.key.request_sha256 for claim in claims],
        },
    )
    fresh = {(row.subject, row.key) for row in inserted}
    others = [claim for claim in claims if (claim.subject, claim.key.value) not in fresh]
    known = await _known(session, table, route, others) if others else {}
    return [known.get((claim.subject, claim.key.value)) for claim in claims]


async def _known(
    session: AsyncSession, table: str, route: str, claims: Sequence[Claim]
) -> dict[tuple[str, str], StoredAnswer | AppError | None]:
    rows = await session.execute(
        text(
            "SELECT subject, key, request_sha256, status, body,"
            " created_at < clock_timestamp() - make_interval(secs => :age) AS stale"
            f" FROM {table} WHERE route = :route AND (subject, key) IN"
            " (SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:keys AS text[])))"
        ),
        {
            "route": route,
            "subjects": [claim.subject for claim in claims],
            "keys": [claim.key.value for claim in claims],
            "age": _IN_PROGRESS_S,
        },
    )
    stored = {(row.subject, row.key): row for row in rows}
    found: dict[tuple[str, str], StoredAnswer | AppError | None] = {}
    for claim in claims:
        row = stored.get((claim.subject, claim.key.value))
        if row is None:  # purged between the two statements: the caller comes again
            found[claim.subject, claim.key.value] = IdempotencyKeyInProgress()
        elif row.request_sha256 != claim.key.request_sha256:
            found[claim.subject, claim.key.value] = IdempotencyKeyReused()
        elif row.status is not None:
            found[claim.subject, claim.key.value] = StoredAnswer(row.status, row.body)
        elif not row.stale:
            found[claim.subject, claim.key.value] = IdempotencyKeyInProgress()
        else:
            taken = await _take_over(session, table, route, claim)
            found[claim.subject, claim.key.value] = None if taken else IdempotencyKeyInProgress()
    return found


async def _take_over(session: AsyncSession, table: str, route: str, claim: Claim) -> bool:
    """Claim the key of a request that died. False if another request was first, or the answer has come meanwhile."""
    taken = await session.execute(
        text(
            f"UPDATE {table} SET created_at = clock_timestamp()"
            " WHERE subject = :subject AND route = :route AND key = :key AND status IS NULL"
            " AND created_at < clock_timestamp() - make_interval(secs => :age) RETURNING 1"
        ),
        {"subject": claim.subject, "route": route, "key": claim.key.value, "age": _IN_PROGRESS_S},
    )
    return taken.first() is not None


async def finish(
    session: AsyncSession, *, schema: str, subject: str, route: str, key: Key, status: int, body_json: str
) -> None:
    """Store the final answer in the transaction of its effect."""
    await finish_many(session, schema=schema, route=route, answers=[Answer(subject, key.value, status, body_json)])


async def finish_many(session: AsyncSession, *, schema: str, route: str, answers: Sequence[Answer]) -> None:
    """Store final answers of one route in the transaction of their effects."""
    if not answers:
        return
    await session.execute(
        text(
            f'UPDATE "{schema}".idempotency_key k SET status = v.status, body = CAST(v.body AS jsonb)'
            " FROM unnest(CAST(:subjects AS text[]), CAST(:keys AS text[]), CAST(:statuses AS smallint[]),"
            " CAST(:bodies AS text[])) AS v(subject, key, status, body)"
            " WHERE k.subject = v.subject AND k.route = :route AND k.key = v.key"
        ),
        {
            "route": route,
            "subjects": [answer.subject for answer in answers],
            "keys": [answer.key for answer in answers],
            "statuses": [answer.status for answer in answers],
            "bodies": [answer.body_json for answer in answers],
        },
    )


async def release_many(session: AsyncSession, *, schema: str, route: str, claims: Sequence[Claim]) -> None:
    """Give back keys that were claimed in this transaction: their requests had no effect and no final answer."""
    if not claims:
        return
    await session.execute(
        text(
            f'DELETE FROM "{schema}".idempotency_key WHERE route = :route AND status IS NULL AND (subject, key) IN'
            " (SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:keys AS text[])))"
        ),
        {
            "route": route,
            "subjects": [claim.subject for claim in claims],
            "keys": [claim.key.value for claim in claims],
        },
    )


async def purge(session: AsyncSession, *, schema: str) -> None:
    """Timed job: delete keys older than KEPT_DAYS."""
    await session.execute(
        text(
            f'DELETE FROM "{schema}".idempotency_key'
            " WHERE created_at < clock_timestamp() - make_interval(days => :days)"
        ),
        {"days": KEPT_DAYS},
    )
