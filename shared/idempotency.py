"""`Idempotency-Key`: a write repeated with the same key takes effect once and gets the same answer.

The row is written in the transaction of the effect, so neither exists without the other. 2xx answers and final
business refusals are stored. Answers to requests that may succeed later (5xx, 429, malformed input) are not. Rows are
deleted after KEPT_DAYS; from then on a permanent unique key of the effect itself prevents a second effect.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.errors import IdempotencyKeyInProgress, IdempotencyKeyMissing, IdempotencyKeyReused

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


async def begin(session: AsyncSession, *, schema: str, subject: str, route: str, key: Key) -> StoredAnswer | None:
    """Claim the key for this transaction, or return the stored answer.

    Waits while another transaction holds the key. Raises IdempotencyKeyReused (the key came with another request),
    IdempotencyKeyInProgress.
    """
    table = f'"{schema}".idempotency_key'
    ids = {"subject": subject, "route": route, "key": key.value}
    inserted = await session.execute(
        text(
            f"INSERT INTO {table} (subject, route, key, request_sha256)"
            " VALUES (:subject, :route, :key, :sha) ON CONFLICT DO NOTHING RETURNING 1"
        ),
        {**ids, "sha": key.request_sha256},
    )
    if inserted.first():
        return None
    row = (
        await session.execute(
            text(
                "SELECT request_sha256, status, body,"
                " created_at < clock_timestamp() - make_interval(secs => :age) AS stale"
                f" FROM {table} WHERE subject = :subject AND route = :route AND key = :key FOR UPDATE"
            ),
            {**ids, "age": _IN_PROGRESS_S},
        )
    ).one()
    if row.request_sha256 != key.request_sha256:
        raise IdempotencyKeyReused
    if row.status is not None:
        return StoredAnswer(row.status, row.body)
    if not row.stale:
        raise IdempotencyKeyInProgress
    await session.execute(
        text(
            f"UPDATE {table} SET created_at = clock_timestamp()"
            " WHERE subject = :subject AND route = :route AND key = :key"
        ),
        ids,
    )
    return None


async def finish(
    session: AsyncSession, *, schema: str, subject: str, route: str, key: Key, status: int, body_json: str
) -> None:
    """Store the final answer in the transaction of its effect."""
    await session.execute(
        text(
            f'UPDATE "{schema}".idempotency_key SET status = :status, body = CAST(:body AS jsonb)'
            " WHERE subject = :subject AND route = :route AND key = :key"
        ),
        {"subject": subject, "route": route, "key": key.value, "status": status, "body": body_json},
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
