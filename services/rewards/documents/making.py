"""The worker's part: takes requests, has them drawn, stores each file once.

No transaction is open while a file is drawn. A worker that dies leaves a lease that ends; two that draw the same
document draw the same bytes, and the first one stores them.
"""

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from services.rewards.documents import repository
from services.rewards.documents.domain import Form, bytes_max, pause_s
from shared.db import Database, Session
from shared.press import PressFailed, run_press

_PROGRAM: Final = "services.rewards.documents.press"
_TIMEOUT_S: Final = 45.0
_LEASE: Final = timedelta(seconds=60)
# As many as a busy core draws within the time-out.
_TOGETHER: Final = 16
_BATCHES_MAX: Final = 20

_log = structlog.get_logger(__name__)
Press = Callable[[bytes], Awaitable[bytes]]
PRESS: Final[Press] = partial(run_press, _PROGRAM, timeout_s=_TIMEOUT_S)


async def make_due(database: Database, *, press: Press = PRESS) -> int:
    """Timed job: make the documents that are due. Return how many were made."""
    made = 0
    for _ in range(_BATCHES_MAX):
        async with database.transaction() as session:
            rows = await repository.claim_due(session, lease=_LEASE, limit=_TOGETHER)
        if not rows:
            break
        drawn = await _drawn(rows, press)
        async with database.transaction() as session:
            # One order of locks for all workers.
            for row, one in sorted(zip(rows, drawn, strict=True), key=lambda pair: pair[0].content_hash):
                made += await _finish(session, row, one)
    return made


async def _drawn(rows: Sequence[Any], press: Press) -> list[dict[str, str]]:
    asked = json.dumps([{"form": row.form, "content": row.content} for row in rows]).encode()
    try:
        drawn: list[dict[str, str]] = json.loads(await press(asked))
    except PressFailed as exc:
        return [{"error": str(exc)}] * len(rows)
    return drawn


async def _finish(session: Session, row: Any, drawn: dict[str, str]) -> bool:
    file = base64.b64decode(drawn.get("file", ""))
    error = drawn.get("error")
    if error is None and len(file) > bytes_max(row.content["type"], Form(row.form)):
        error = f"{len(file)} bytes are too many"
    if error is None:
        return await repository.store(
            session, row.content_hash, file=file, file_sha256=hashlib.sha256(file).hexdigest()
        )
    _log.warning("document_not_made", content_hash=row.content_hash, attempts=row.attempts, error=error)
    await repository.put_off(session, row.content_hash, pause=timedelta(seconds=pause_s(row.attempts)), error=error)
    return False
