"""SQL of participants."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.participants.domain import Participant
from services.rewards.participants.models import ranking_participant
from shared.contracts.consents_v1 import ConsentChanged
from shared.db import driver

_LOCK = 20_261_142


async def upsert_consents(session: AsyncSession, changes: Sequence[ConsentChanged]) -> None:
    """An older version never replaces a newer one."""
    rows = sorted((one.account_id, one.version, one.given_at, one.ends_at) for one in changes)
    await (await driver(session)).execute(
        "INSERT INTO rewards.ranking_consent AS c (account_id, version, given_at, ends_at)"
        " SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::timestamptz[])"
        " ON CONFLICT (account_id) DO UPDATE SET version = EXCLUDED.version, given_at = EXCLUDED.given_at,"
        " ends_at = EXCLUDED.ends_at, is_over = false WHERE c.version < EXCLUDED.version",
        *zip(*rows, strict=True),
    )


async def close_ended(session: AsyncSession, at: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Mark consents that have ended as acted upon, and return whose they are."""
    rows = await (await driver(session)).fetch(
        "UPDATE rewards.ranking_consent SET is_over = true WHERE account_id = ANY(ARRAY("
        "SELECT account_id FROM rewards.ranking_consent WHERE ends_at <= $1 AND NOT is_over ORDER BY ends_at LIMIT $2"
        " FOR UPDATE)) RETURNING account_id",
        at,
        limit,
    )
    return [row[0] for row in rows]


_TAKING_PART = """
SELECT p.account_id, p.pseudonym, p.district FROM rewards.ranking_participant p
JOIN rewards.ranking_consent c ON c.account_id = p.account_id
    AND c.given_at <= $2 AND (c.ends_at IS NULL OR c.ends_at > $2)
WHERE p.account_id = ANY($1::uuid[])"""


async def taking_part(
    session: AsyncSession, account_ids: Sequence[uuid.UUID], at: datetime
) -> dict[uuid.UUID, Participant]:
    rows = await (await driver(session)).fetch(_TAKING_PART, account_ids, at)
    return {row[0]: Participant(row[1], row[2]) for row in rows}


async def find(session: AsyncSession, account_id: uuid.UUID) -> Any | None:
    query = select(ranking_participant).where(ranking_participant.c.account_id == account_id)
    return (await session.execute(query)).one_or_none()


async def put(session: AsyncSession, account_id: uuid.UUID, pseudonym: int, district: str | None) -> bool:
    """Return False if somebody else has the pseudonym. Two who want the same one wait for each other."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:space, :number)"), {"space": _LOCK, "number": pseudonym})
    new = insert(ranking_participant).values(account_id=account_id, pseudonym=pseudonym, district=district)
    changed = new.on_conflict_do_update(
        index_elements=[ranking_participant.c.account_id], set_={"pseudonym": pseudonym, "district": district}
    )
    taken = select(ranking_participant.c.account_id).where(
        ranking_participant.c.pseudonym == pseudonym, ranking_participant.c.account_id != account_id
    )
    if (await session.execute(taken)).first() is not None:
        return False
    await session.execute(changed)
    return True


async def remove(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> None:
    await session.execute(delete(ranking_participant).where(ranking_participant.c.account_id.in_(account_ids)))


async def taken_among(session: AsyncSession, numbers: Sequence[int]) -> set[int]:
    query = select(ranking_participant.c.pseudonym).where(ranking_participant.c.pseudonym.in_(numbers))
    return set(await session.scalars(query))


async def accounts_after(session: AsyncSession, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    query = select(ranking_participant.c.account_id).where(ranking_participant.c.account_id > after)
    return (await session.scalars(query.order_by(ranking_participant.c.account_id).limit(limit))).all()


async def erase(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> None:
    connection = await driver(session)
    for table in ("ranking_participant", "ranking_consent"):
        await connection.execute(f"DELETE FROM rewards.{table} WHERE account_id = ANY($1::uuid[])", account_ids)
