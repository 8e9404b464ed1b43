import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.authorizations.models import BindingAuthorization, PartnerGrant


async def add_authorization(session: AsyncSession, row: BindingAuthorization) -> None:
    session.add(row)
    await session.flush()


async def claim(
    session: AsyncSession, *, state_sha256: bytes, code_hash: bytes, at: datetime
) -> BindingAuthorization | None:
    """Mark an unused, unexpired state as used. Of two requests at once one gets the row."""
    statement = (
        update(BindingAuthorization)
        .where(
            BindingAuthorization.state_sha256 == state_sha256,
            BindingAuthorization.used_at.is_(None),
            BindingAuthorization.expires_at > at,
        )
        .values(used_at=at, code_hash=code_hash)
        .returning(BindingAuthorization)
    )
    return await session.scalar(statement)


async def find_authorization(session: AsyncSession, *, state_sha256: bytes) -> BindingAuthorization | None:
    return await session.get(BindingAuthorization, state_sha256)


async def set_binding(session: AsyncSession, *, state_sha256: bytes, binding_id: uuid.UUID) -> None:
    await session.execute(
        update(BindingAuthorization)
        .where(BindingAuthorization.state_sha256 == state_sha256)
        .values(binding_id=binding_id)
    )


async def add_grant(session: AsyncSession, row: PartnerGrant) -> None:
    session.add(row)
    await session.flush()


async def give_to_binding(session: AsyncSession, *, grant_id: uuid.UUID, binding_id: uuid.UUID) -> bool:
    """Let a grant live as long as its binding. False if the worker has revoked it meanwhile."""
    statement = (
        update(PartnerGrant)
        .where(PartnerGrant.grant_id == grant_id)
        .values(binding_id=binding_id, revoke_at=None, attempts=0)
        .returning(PartnerGrant.grant_id)
    )
    return (await session.execute(statement)).first() is not None


async def end_grants(
    session: AsyncSession, *, binding_ids: Collection[uuid.UUID], besides: uuid.UUID | None, at: datetime
) -> None:
    statement = update(PartnerGrant).where(PartnerGrant.binding_id.in_(binding_ids), PartnerGrant.revoke_at.is_(None))
    if besides is not None:
        statement = statement.where(PartnerGrant.grant_id != besides)
    await session.execute(statement.values(revoke_at=at))


async def move_grants(session: AsyncSession, *, former: uuid.UUID, successor: uuid.UUID) -> None:
    await session.execute(
        update(PartnerGrant).where(PartnerGrant.binding_id == former).values(binding_id=successor, revoke_at=None)
    )


async def end_grants_of_user(session: AsyncSession, *, user_id: uuid.UUID, at: datetime) -> None:
    await session.execute(
        update(PartnerGrant)
        .where(PartnerGrant.user_id == user_id, PartnerGrant.revoke_at.is_(None))
        .values(revoke_at=at)
    )


async def delete_authorizations(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(delete(BindingAuthorization).where(BindingAuthorization.user_id == user_id))


async def claim_due(session: AsyncSession, *, at: datetime, lease: timedelta, limit: int) -> Sequence[PartnerGrant]:
    """Count an attempt for each due grant and take it for `lease`. A worker that dies loses only that time."""
    due = (
        select(PartnerGrant.grant_id)
        .where(PartnerGrant.revoke_at <= at)
        .order_by(PartnerGrant.revoke_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(PartnerGrant)
        .where(PartnerGrant.grant_id.in_(due))
        .values(attempts=PartnerGrant.attempts + 1, revoke_at=at + lease)
        .returning(PartnerGrant)
    )
    return (await session.scalars(statement)).all()


async def delete_grant(session: AsyncSession, *, grant_id: uuid.UUID) -> None:
    await session.execute(delete(PartnerGrant).where(PartnerGrant.grant_id == grant_id))


async def set_next_attempt(session: AsyncSession, *, grant_id: uuid.UUID, at: datetime) -> None:
    await session.execute(update(PartnerGrant).where(PartnerGrant.grant_id == grant_id).values(revoke_at=at))


async def delete_expired(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.binding_authorization WHERE ctid = ANY(ARRAY("
            "SELECT ctid FROM accounts.binding_authorization WHERE expires_at < :before LIMIT :n))"
        ),
        {"before": before, "n": at_most},
    )
