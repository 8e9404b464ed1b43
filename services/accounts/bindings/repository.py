import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.bindings.domain import BindingStatus, Mode
from services.accounts.bindings.models import Binding, BindingToken, PartnerNonce
from shared.ids import new_id

_IS_LIVE = Binding.status != "ended"


async def try_insert(
    session: AsyncSession,
    *,
    user_id: uuid.UUID,
    account_id: uuid.UUID,
    partner_id: str,
    partner_name: str | None,
    account_key: str,
    mode: Mode,
    counts_from: datetime,
    at: datetime,
    confirm_before: datetime | None = None,
    consent_ends_at: datetime | None = None,
) -> Binding | None:
    """Insert version 1 of a binding: active, or pending until `confirm_before`.

    Return None when the partner account, or the person at this partner, has a live binding. That includes one which a
    concurrent transaction has just inserted.
    """
    statement = insert(Binding).values(
        binding_id=new_id(),
        user_id=user_id,
        account_id=account_id,
        partner_id=partner_id,
        partner_name=partner_name,
        account_key=account_key,
        mode=mode.value,
        status="active" if confirm_before is None else "pending",
        confirm_before=confirm_before,
        version=1,
        since=at,
        counts_from=counts_from,
        consent_withdrawn_at=consent_ends_at,
        changed_at=at,
    )
    return await session.scalar(statement.on_conflict_do_nothing().returning(Binding))


async def succeed(
    session: AsyncSession, ended: Binding, *, consent_ends_at: datetime | None, at: datetime
) -> Binding | None:
    """Insert the successor of an ended binding, which counts from `at`. None: the partner account is taken."""
    return await try_insert(
        session,
        user_id=ended.user_id,
        account_id=ended.account_id,
        partner_id=ended.partner_id,
        partner_name=ended.partner_name,
        account_key=ended.account_key,
        mode=Mode(ended.mode),
        counts_from=at,
        at=at,
        consent_ends_at=consent_ends_at,
    )


async def lock_live_of_user(session: AsyncSession, *, user_id: uuid.UUID, at_most: int) -> Sequence[Binding]:
    """Lock rows in the order of their ids, so that two changes of one person's bindings wait for each other."""
    statement = (
        select(Binding)
        .where(Binding.user_id == user_id, _IS_LIVE)
        .order_by(Binding.binding_id)
        .limit(at_most)
        .with_for_update()
    )
    return (await session.scalars(statement)).all()


async def find_live_at_partner(session: AsyncSession, *, user_id: uuid.UUID, partner_id: str) -> Binding | None:
    return await session.scalar(
        select(Binding).where(Binding.user_id == user_id, Binding.partner_id == partner_id, _IS_LIVE)
    )


async def count_live(session: AsyncSession, *, user_id: uuid.UUID) -> int:
    return await session.scalar(select(func.count()).where(Binding.user_id == user_id, _IS_LIVE)) or 0


async def list_live(session: AsyncSession, *, user_id: uuid.UUID, at_most: int) -> Sequence[Binding]:
    statement = select(Binding).where(Binding.user_id == user_id, _IS_LIVE).order_by(Binding.binding_id.desc())
    return (await session.scalars(statement.limit(at_most))).all()


async def find_at_partner(session: AsyncSession, *, binding_id: uuid.UUID, partner_id: str) -> Binding | None:
    return await session.scalar(
        select(Binding).where(Binding.binding_id == binding_id, Binding.partner_id == partner_id)
    )


async def find_live_of_account(session: AsyncSession, *, partner_id: str, account_key: str) -> Binding | None:
    return await session.scalar(
        select(Binding).where(Binding.partner_id == partner_id, Binding.account_key == account_key, _IS_LIVE)
    )


async def relock(session: AsyncSession, row: Binding) -> None:
    """Lock the row and read it again. The caller has just locked its person."""
    await session.refresh(row, with_for_update=True)


async def list_of_partner(
    session: AsyncSession, *, partner_id: str, status: BindingStatus | None, before: uuid.UUID | None, limit: int
) -> Sequence[Binding]:
    """List newest first. Ids are ordered by time."""
    statement = select(Binding).where(Binding.partner_id == partner_id)
    if status is not None:
        statement = statement.where(Binding.status == status)
    if before is not None:
        statement = statement.where(Binding.binding_id < before)
    return (await session.scalars(statement.order_by(Binding.binding_id.desc()).limit(limit))).all()


async def find_unconfirmed(session: AsyncSession, *, before: datetime, at_most: int) -> Sequence[Binding]:
    """List pending bindings whose time is over, in the order of their people, so that their locks have one order."""
    statement = (
        select(Binding)
        .where(Binding.status == "pending", Binding.confirm_before < before)
        .order_by(Binding.user_id)
        .limit(at_most)
    )
    return (await session.scalars(statement)).all()


async def find_last_end(session: AsyncSession, *, partner_id: str, account_key: str) -> datetime | None:
    """Return when the last binding of this partner account ended, for any person."""
    return await session.scalar(
        select(func.max(Binding.ended_at)).where(Binding.partner_id == partner_id, Binding.account_key == account_key)
    )


async def find_binding(session: AsyncSession, *, binding_id: uuid.UUID) -> Binding | None:
    return await session.get(Binding, binding_id)


async def lock_binding(session: AsyncSession, *, binding_id: uuid.UUID, user_id: uuid.UUID) -> Binding | None:
    statement = select(Binding).where(Binding.binding_id == binding_id, Binding.user_id == user_id)
    return await session.scalar(statement.with_for_update())


async def list_page(
    session: AsyncSession, *, user_id: uuid.UUID, status: BindingStatus | None, before: uuid.UUID | None, limit: int
) -> Sequence[Binding]:
    """List newest first. Ids are ordered by time."""
    statement = select(Binding).where(Binding.user_id == user_id)
    if status is not None:
        statement = statement.where(Binding.status == status)
    if before is not None:
        statement = statement.where(Binding.binding_id < before)
    return (await session.scalars(statement.order_by(Binding.binding_id.desc()).limit(limit))).all()


async def flush_changes(session: AsyncSession) -> None:
    """Write ended rows before their successors are inserted: the unique indexes allow one live binding."""
    await session.flush()


async def add_token(session: AsyncSession, token: BindingToken) -> None:
    session.add(token)
    await session.flush()


async def lock_token(session: AsyncSession, *, token_sha256: bytes) -> BindingToken | None:
    return await session.scalar(select(BindingToken).where(BindingToken.token_sha256 == token_sha256).with_for_update())


async def try_add_nonce(session: AsyncSession, *, partner_id: str, nonce: str, at: datetime) -> bool:
    """Return False when the partner has used this nonce before."""
    statement = insert(PartnerNonce).values(partner_id=partner_id, nonce=nonce, seen_at=at)
    statement = statement.on_conflict_do_nothing()
    return (await session.execute(statement.returning(PartnerNonce.nonce))).first() is not None


async def delete_expired(
    session: AsyncSession, *, tokens_before: datetime, nonces_before: datetime, at_most: int
) -> None:
    for table, column, before in (
        ("binding_token", "expires_at", tokens_before),
        ("partner_nonce", "seen_at", nonces_before),
    ):
        await session.execute(
            text(
                f"DELETE FROM accounts.{table} WHERE ctid = ANY(ARRAY("
                f"SELECT ctid FROM accounts.{table} WHERE {column} < :before LIMIT :n))"
            ),
            {"before": before, "n": at_most},
        )


async def ids_of(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Return all bindings that a person ever had."""
    return (await session.scalars(select(Binding.binding_id).where(Binding.user_id == user_id))).all()
