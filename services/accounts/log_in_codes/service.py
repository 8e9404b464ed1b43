"""One exchange for one code, across processes.

The process that claims a code asks WeChat. The others wait for its result. The claim is a committed row, so no
connection waits for WeChat, and a process that dies leaves a claim that runs out.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.accounts.log_in_codes import repository
from shared import clock
from shared.db import Database, Session

# Longer than a call to WeChat (5 s) with its wait for a place (2 s).
CLAIM_LIFE = timedelta(seconds=10)
# Rows are kept so long, for phones that send a code again because they did not get the answer.
KEPT = timedelta(minutes=5)
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to exchange a code. `session_id`: what an earlier exchange of the same code led to."""

    code_hash: bytes
    claimed_at: datetime
    session_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What another caller's exchange of the same code led to: a session, or the code of a refusal."""

    session_id: uuid.UUID | None
    refusal: str | None


async def claim_or_wait(database: Database, *, code_hash: bytes) -> Claim | Outcome:
    """Claim the code, or return the outcome of the exchange that was under way. Opens transactions of its own."""
    arrived_at = clock.now()
    while True:
        at = clock.now()
        async with database.transaction() as session:
            row = await repository.find(session, code_hash=code_hash)
            if row is not None and row.finished_at is not None and row.finished_at >= arrived_at:
                return Outcome(None if row.refusal else row.session_id, row.refusal)
            claimed = await repository.try_claim(
                session, code_hash=code_hash, at=at, until=at + CLAIM_LIFE, arrived_at=arrived_at
            )
            if claimed:
                return Claim(code_hash, at, row.session_id if row is not None else None)
        await asyncio.sleep(_POLL_S)


async def find_session(session: Session, *, hashes: Sequence[bytes]) -> uuid.UUID | None:
    """Return the session that a code led to, by its hash under any pepper."""
    return await repository.find_session(session, hashes=hashes)


async def finish(
    session: Session, claim: Claim, *, session_id: uuid.UUID | None = None, refusal: str | None = None
) -> None:
    """Record how the exchange ended, and free the code. A refusal keeps the session of an earlier exchange."""
    await repository.finish(
        session,
        code_hash=claim.code_hash,
        claimed_at=claim.claimed_at,
        at=clock.now(),
        session_id=session_id or claim.session_id,
        refusal=refusal,
    )


async def purge_past(session: Session, *, at_most: int) -> None:
    """Delete codes that nobody remembers any more, at most `at_most`."""
    await repository.delete_past(session, before=clock.now() - KEPT, at_most=at_most)
