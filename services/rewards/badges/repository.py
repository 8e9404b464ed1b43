"""SQL of badges."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.badges.models import badge
from shared.db import driver


class Held(NamedTuple):
    """A badge that somebody has, or had: see `withdrawn_at`."""

    account_id: uuid.UUID
    badge_id: str
    number: int
    rule_version: int
    earned_at: datetime
    withdrawn_at: datetime | None
    withdrawn_because: str | None


_COLUMNS = "account_id, badge_id, number, rule_version, earned_at, withdrawn_at, withdrawn_because"


async def newest_of(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> list[Held]:
    """Return the newest row of each badge of each account."""
    rows = await (await driver(session)).fetch(
        f"SELECT DISTINCT ON (account_id, badge_id) {_COLUMNS} FROM rewards.badge"
        " WHERE account_id = ANY($1::uuid[]) ORDER BY account_id, badge_id, number DESC",
        account_ids,
    )
    return [Held(*row) for row in rows]


async def history_of(session: AsyncSession, account_id: uuid.UUID) -> list[Held]:
    """Oldest first."""
    query = select(badge).where(badge.c.account_id == account_id).order_by(badge.c.badge_id, badge.c.number)
    return [Held(*row) for row in await session.execute(query)]


async def award(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, str, int, int]], at: datetime) -> None:
    """`rows`: account, badge, number, version of the rule."""
    if rows:
        await (await driver(session)).execute(
            "INSERT INTO rewards.badge (account_id, badge_id, number, rule_version, earned_at)"
            " SELECT v.*, $5::timestamptz FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) v",
            *zip(*rows, strict=True),
            at,
        )


async def withdraw(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, str, int, str]], at: datetime) -> None:
    """`rows`: account, badge, number, reason."""
    if rows:
        await (await driver(session)).execute(
            "UPDATE rewards.badge b SET withdrawn_at = $5, withdrawn_because = v.because"
            " FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[]) v(account_id, badge_id, number, because)"
            " WHERE b.account_id = v.account_id AND b.badge_id = v.badge_id AND b.number = v.number",
            *zip(*rows, strict=True),
            at,
        )


async def set_versions(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, str, int, int]]) -> None:
    """`rows`: account, badge, number, version of the rule that it also meets."""
    if rows:
        await (await driver(session)).execute(
            "UPDATE rewards.badge b SET rule_version = v.version"
            " FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) v(account_id, badge_id, number, version)"
            " WHERE b.account_id = v.account_id AND b.badge_id = v.badge_id AND b.number = v.number",
            *zip(*rows, strict=True),
        )


async def erase(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> None:
    await (await driver(session)).execute("DELETE FROM rewards.badge WHERE account_id = ANY($1::uuid[])", account_ids)
