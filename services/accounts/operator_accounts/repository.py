import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.operator_accounts.models import OperatorAccount, OperatorAttempt


async def find(session: AsyncSession, *, subject: str) -> OperatorAccount | None:
    return await session.scalar(select(OperatorAccount).where(OperatorAccount.subject == subject))


async def get(session: AsyncSession, *, operator_id: uuid.UUID) -> OperatorAccount | None:
    return await session.get(OperatorAccount, operator_id)


async def lock(session: AsyncSession, *, operator_id: uuid.UUID) -> OperatorAccount | None:
    return await session.get(OperatorAccount, operator_id, with_for_update=True, populate_existing=True)


async def lock_by_subject(session: AsyncSession, *, subject: str) -> OperatorAccount | None:
    statement = select(OperatorAccount).where(OperatorAccount.subject == subject).with_for_update()
    return await session.scalar(statement.execution_options(populate_existing=True))


async def lock_all(session: AsyncSession) -> list[OperatorAccount]:
    """Lock all operators, a few dozen, in one order."""
    statement = select(OperatorAccount).order_by(OperatorAccount.operator_id).with_for_update()
    return list(await session.scalars(statement.execution_options(populate_existing=True)))


async def list_all(session: AsyncSession) -> list[OperatorAccount]:
    return list(await session.scalars(select(OperatorAccount).order_by(OperatorAccount.subject)))


async def add(session: AsyncSession, row: OperatorAccount) -> bool:
    """Return False if the subject exists."""
    values = {column.key: getattr(row, column.key) for column in OperatorAccount.__table__.columns}
    statement = insert(OperatorAccount).values(values).on_conflict_do_nothing(index_elements=["subject"])
    return (await session.execute(statement.returning(OperatorAccount.operator_id))).first() is not None


async def lock_sealed_otherwise(session: AsyncSession, *, version: int, at_most: int) -> Sequence[OperatorAccount]:
    """Lock some accounts whose TOTP secret another key has sealed."""
    statement = select(OperatorAccount).where(_sealed_otherwise(version)).limit(at_most).with_for_update()
    return (await session.scalars(statement)).all()


async def count_sealed_otherwise(session: AsyncSession, *, version: int) -> int:
    statement = select(func.count()).select_from(OperatorAccount).where(_sealed_otherwise(version))
    return await session.scalar(statement) or 0


def _sealed_otherwise(version: int) -> ColumnElement[bool]:
    return func.get_byte(OperatorAccount.totp_sealed, 0) != version


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()


async def use_step(session: AsyncSession, *, operator_id: uuid.UUID, step: int) -> bool:
    """Use up a time step and all before it. False if it was used: of two log-ins with one code, one gets it."""
    statement = (
        update(OperatorAccount)
        .where(
            OperatorAccount.operator_id == operator_id,
            or_(OperatorAccount.totp_last_step.is_(None), OperatorAccount.totp_last_step < step),
        )
        .values(totp_last_step=step)
        .returning(OperatorAccount.operator_id)
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(statement)).first() is not None


async def count_attempt(
    session: AsyncSession, *, attempt_key: bytes, at: datetime, window_ends_at: datetime
) -> tuple[int, datetime]:
    """Count one more attempt. Return the count of the running window and the window's end."""
    new = insert(OperatorAttempt).values(attempt_key=attempt_key, attempts=1, window_ends_at=window_ends_at)
    is_over = OperatorAttempt.window_ends_at <= at
    statement = new.on_conflict_do_update(
        index_elements=[OperatorAttempt.attempt_key],
        set_={
            "attempts": case((is_over, 1), else_=OperatorAttempt.attempts + 1),
            "window_ends_at": case((is_over, window_ends_at), else_=OperatorAttempt.window_ends_at),
        },
    )
    row = (await session.execute(statement.returning(OperatorAttempt.attempts, OperatorAttempt.window_ends_at))).one()
    return row.attempts, row.window_ends_at


async def forget_attempts(session: AsyncSession, attempt_keys: Collection[bytes]) -> None:
    await session.execute(delete(OperatorAttempt).where(OperatorAttempt.attempt_key.in_(attempt_keys)))


async def delete_past(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.operator_attempt WHERE ctid = ANY(ARRAY("
            "SELECT ctid FROM accounts.operator_attempt WHERE window_ends_at < :before LIMIT :n))"
        ),
        {"before": before, "n": at_most},
    )
