"""SQL of groups and memberships."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.memberships.domain import Group
from shared.db import driver


async def upsert_enterprises(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, uuid.UUID, int, bool]]) -> None:
    """`rows`: enterprise, its account, version, whether it is active. An older version never replaces a newer one."""
    await (await driver(session)).execute(
        "INSERT INTO rewards.member_group AS g (group_id, kind, account_id, version, is_active)"
        " SELECT v.id, 'enterprise', v.account_id, v.version, v.is_active"
        " FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::bool[]) v(id, account_id, version, is_active)"
        " ON CONFLICT (group_id) DO UPDATE SET version = EXCLUDED.version, is_active = EXCLUDED.is_active"
        " WHERE g.version < EXCLUDED.version",
        *zip(*sorted(rows), strict=True),
    )


async def insert_households(session: AsyncSession, rows: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """`rows`: household, its account."""
    await (await driver(session)).execute(
        "INSERT INTO rewards.member_group (group_id, kind, account_id)"
        " SELECT v.id, 'household', v.account_id FROM unnest($1::uuid[], $2::uuid[]) v(id, account_id)"
        " ON CONFLICT DO NOTHING",
        *zip(*sorted(rows), strict=True),
    )


async def upsert_members(
    session: AsyncSession,
    rows: Sequence[tuple[uuid.UUID, int, uuid.UUID, uuid.UUID, datetime, datetime | None]],
) -> None:
    """`rows`: membership, version, group, account, since, until. An older version never replaces a newer one."""
    await (await driver(session)).execute(
        "INSERT INTO rewards.group_member AS m (membership_id, version, group_id, account_id, since, until)"
        " SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])"
        " ON CONFLICT (membership_id) DO UPDATE SET version = EXCLUDED.version, group_id = EXCLUDED.group_id,"
        " account_id = EXCLUDED.account_id, since = EXCLUDED.since, until = EXCLUDED.until"
        " WHERE m.version < EXCLUDED.version",
        *zip(*rows, strict=True),
    )


async def groups_of(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return the groups that these people belong to, and those whose own account is among these."""
    rows = await (await driver(session)).fetch(
        "SELECT group_id FROM rewards.group_member WHERE account_id = ANY($1::uuid[]) AND until IS NULL"
        " UNION SELECT group_id FROM rewards.member_group WHERE account_id = ANY($1::uuid[])",
        account_ids,
    )
    return {row[0] for row in rows}


async def find_groups(session: AsyncSession, group_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Group]:
    connection = await driver(session)
    members: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    for row in await connection.fetch(
        "SELECT group_id, account_id FROM rewards.group_member WHERE group_id = ANY($1::uuid[]) AND until IS NULL",
        group_ids,
    ):
        members[row[0]].add(row[1])
    rows = await connection.fetch(
        "SELECT group_id, kind, account_id, is_active FROM rewards.member_group WHERE group_id = ANY($1::uuid[])",
        group_ids,
    )
    return {row[0]: Group(row[0], row[1], row[2], row[3], frozenset(members[row[0]])) for row in rows}


async def ids_after(session: AsyncSession, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    rows = await (await driver(session)).fetch(
        "SELECT group_id FROM rewards.member_group WHERE group_id > $1 ORDER BY group_id LIMIT $2", after, limit
    )
    return [row[0] for row in rows]


async def erase(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Delete memberships. Return the groups that lost a member."""
    rows = await (await driver(session)).fetch(
        "DELETE FROM rewards.group_member WHERE account_id = ANY($1::uuid[]) RETURNING group_id", account_ids
    )
    return [row[0] for row in rows]
