import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.guardians.models import DeclaredAge, GuardianCode, Guardianship

_IS_LIVE = Guardianship.ended_at.is_(None)


async def find_age(session: AsyncSession, *, user_id: uuid.UUID) -> DeclaredAge | None:
    return await session.get(DeclaredAge, user_id)


async def find_age_of_account(session: AsyncSession, *, account_id: uuid.UUID) -> DeclaredAge | None:
    return await session.scalar(select(DeclaredAge).where(DeclaredAge.account_id == account_id))


async def delete_age(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(delete(DeclaredAge).where(DeclaredAge.user_id == user_id))


async def add(session: AsyncSession, row: DeclaredAge | GuardianCode | Guardianship) -> None:
    session.add(row)
    await session.flush()


async def find_code(session: AsyncSession, *, token_sha256: bytes, lock: bool) -> GuardianCode | None:
    statement = select(GuardianCode).where(GuardianCode.token_sha256 == token_sha256)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(statement)


async def find_guardianship(session: AsyncSession, *, guardianship_id: uuid.UUID) -> Guardianship | None:
    """Read the row anew: another transaction may have ended it while this one waited for a lock."""
    return await session.get(Guardianship, guardianship_id, populate_existing=True)


async def find_live_of_ward(session: AsyncSession, *, ward_id: uuid.UUID) -> Guardianship | None:
    return await session.scalar(select(Guardianship).where(Guardianship.ward_id == ward_id, _IS_LIVE))


async def live_of_guardian(session: AsyncSession, *, guardian_id: uuid.UUID) -> Sequence[Guardianship]:
    statement = select(Guardianship).where(Guardianship.guardian_id == guardian_id, _IS_LIVE)
    return (await session.scalars(statement.order_by(Guardianship.guardianship_id))).all()


async def count_of_guardian(session: AsyncSession, *, guardian_id: uuid.UUID) -> int:
    counted = select(func.count()).where(Guardianship.guardian_id == guardian_id, _IS_LIVE)
    return await session.scalar(counted) or 0


async def delete_codes(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.guardian_code WHERE ctid = ANY(ARRAY("
            "SELECT ctid FROM accounts.guardian_code WHERE expires_at < :before LIMIT :n))"
        ),
        {"before": before, "n": at_most},
    )


async def delete_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    ids = select(Guardianship.guardianship_id).where(
        or_(Guardianship.ward_id == user_id, Guardianship.guardian_id == user_id)
    )
    codes = or_(GuardianCode.user_id == user_id, GuardianCode.guardianship_id.in_(ids))
    await session.execute(delete(GuardianCode).where(codes).execution_options(synchronize_session=False))
    await session.execute(
        delete(Guardianship)
        .where(or_(Guardianship.ward_id == user_id, Guardianship.guardian_id == user_id))
        .execution_options(synchronize_session=False)
    )
    await delete_age(session, user_id=user_id)


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()
