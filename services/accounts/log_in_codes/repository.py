import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.log_in_codes.models import LogInCode


async def try_claim(
    session: AsyncSession, *, code_hash: bytes, at: datetime, until: datetime, arrived_at: datetime
) -> bool:
    """Claim a code that nobody is exchanging and nobody has exchanged since `arrived_at`.

    What an earlier exchange led to stays in the row.
    """
    new = insert(LogInCode).values(code_hash=code_hash, claimed_at=at, claimed_until=until)
    statement = new.on_conflict_do_update(
        index_elements=[LogInCode.code_hash],
        set_={"claimed_at": new.excluded.claimed_at, "claimed_until": new.excluded.claimed_until},
        where=and_(
            LogInCode.claimed_until <= new.excluded.claimed_at,
            # The exchange may end while this statement waits for its row.
            or_(LogInCode.finished_at.is_(None), LogInCode.finished_at < arrived_at),
        ),
    )
    return (await session.execute(statement.returning(LogInCode.code_hash))).first() is not None


async def find(session: AsyncSession, *, code_hash: bytes) -> LogInCode | None:
    return await session.scalar(select(LogInCode).where(LogInCode.code_hash == code_hash))


async def find_session(session: AsyncSession, *, hashes: Sequence[bytes]) -> uuid.UUID | None:
    statement = select(LogInCode.session_id).where(LogInCode.code_hash.in_(hashes), LogInCode.session_id.is_not(None))
    return await session.scalar(statement.limit(1))


async def finish(
    session: AsyncSession,
    *,
    code_hash: bytes,
    claimed_at: datetime,
    at: datetime,
    session_id: uuid.UUID | None,
    refusal: str | None,
) -> None:
    """Does nothing if the claim ran out and somebody else has claimed the code."""
    await session.execute(
        update(LogInCode)
        .where(LogInCode.code_hash == code_hash, LogInCode.claimed_at == claimed_at)
        .values(claimed_until=at, finished_at=at, session_id=session_id, refusal=refusal)
        .execution_options(synchronize_session=False)
    )


async def delete_past(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.log_in_code WHERE ctid = ANY(ARRAY("
            "SELECT ctid FROM accounts.log_in_code WHERE claimed_until < :before LIMIT :n))"
        ),
        {"before": before, "n": at_most},
    )
