"""SQL of households: the projection of the topic of accounts, and the locks of shared cap counters."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.households.domain import CardRow, MemberRow, MeterRow, SpendingRule, StayRow
from services.accounting.households.models import family_card, household_member, household_meter, household_rule
from shared.contracts.households_v1 import CardChanged, MembershipChanged, MeterChanged, RuleChanged
from shared.db import Connection


async def upsert_members(session: AsyncSession, changes: Sequence[MembershipChanged]) -> None:
    rows = [
        {
            "membership_id": change.membership_id,
            "version": change.version,
            "household_id": change.household_id,
            "account_id": change.account_id,
            "joined_at": change.joined_at,
            "left_at": change.left_at,
        }
        for change in sorted(changes, key=lambda c: c.membership_id)
    ]
    await _upsert(session, household_member, "membership_id", rows)


async def upsert_meters(session: AsyncSession, changes: Sequence[MeterChanged]) -> None:
    rows = [
        {
            "registration_id": change.registration_id,
            "version": change.version,
            "household_id": change.household_id,
            "meter_key": change.meter_key,
            "since": change.since,
            "ended_at": change.ended_at,
        }
        for change in sorted(changes, key=lambda c: c.registration_id)
    ]
    await _upsert(session, household_meter, "registration_id", rows)


async def upsert_rules(session: AsyncSession, changes: Sequence[RuleChanged]) -> None:
    rows = [
        {
            "household_id": change.household_id,
            "version": change.version,
            "kind": change.kind,
            "limit_mg": change.limit_mg,
        }
        for change in sorted(changes, key=lambda c: c.household_id)
    ]
    await _upsert(session, household_rule, "household_id", rows)


async def upsert_cards(session: AsyncSession, changes: Sequence[CardChanged]) -> None:
    rows = [
        {
            "card_id": change.card_id,
            "version": change.version,
            "account_id": change.account_id,
            "proxy_account_id": change.proxy_account_id,
            "limit_mg": change.limit_mg,
            "since": change.since,
            "ended_at": change.ended_at,
        }
        for change in sorted(changes, key=lambda c: c.card_id)
    ]
    await _upsert(session, family_card, "card_id", rows)


async def _upsert(session: AsyncSession, table: Table, key: str, rows: list[dict[str, Any]]) -> None:
    """Insert or update rows. An older version never replaces a newer one."""
    statement = insert(table).values(rows)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c[key]],
            set_={name: statement.excluded[name] for name in rows[0] if name != key},
            where=table.c.version < statement.excluded.version,
        )
    )


async def stays_of(connection: Connection, account_ids: Sequence[uuid.UUID], since: datetime) -> list[StayRow]:
    """Return the stays of these people that had not ended before `since`."""
    rows = await connection.fetch(
        "SELECT account_id, household_id, joined_at, left_at FROM accounting.household_member"
        " WHERE account_id = ANY($1::uuid[]) AND (left_at IS NULL OR left_at >= $2)"
        " ORDER BY account_id, joined_at, membership_id",
        account_ids,
        since,
    )
    return [StayRow(*row) for row in rows]


async def sharers_of(
    connection: Connection, account_ids: Sequence[uuid.UUID], since: datetime
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Return (person, person with a common household or meter since then), both ways and with themselves."""
    rows = await connection.fetch(
        "WITH homes AS (SELECT account_id, household_id FROM accounting.household_member"
        " WHERE account_id = ANY($1::uuid[]) AND (left_at IS NULL OR left_at >= $2)"
        "), reached AS (SELECT account_id, household_id FROM homes"
        " UNION SELECT h.account_id, other.household_id FROM homes h"
        " JOIN accounting.household_meter m USING (household_id)"
        " JOIN accounting.household_meter other USING (meter_key))"
        " SELECT DISTINCT r.account_id, m.account_id FROM reached r"
        " JOIN accounting.household_member m USING (household_id) WHERE m.left_at IS NULL OR m.left_at >= $2",
        account_ids,
        since,
    )
    return [(row[0], row[1]) for row in rows]


async def meters_of(connection: Connection, meter_keys: Sequence[str]) -> list[MeterRow]:
    rows = await connection.fetch(
        "SELECT meter_key, household_id, since, ended_at FROM accounting.household_meter"
        " WHERE meter_key = ANY($1::text[]) ORDER BY since, registration_id",
        meter_keys,
    )
    return [MeterRow(*row) for row in rows]


async def current_household(session: AsyncSession, account_id: uuid.UUID) -> uuid.UUID | None:
    """Return the household in which the person lives now."""
    table = household_member.c
    query = select(table.household_id).where(table.account_id == account_id, table.left_at.is_(None))
    return await session.scalar(query.order_by(table.joined_at.desc()).limit(1))


async def joined_at(session: AsyncSession, account_id: uuid.UUID) -> datetime | None:
    """Return since when the person has lived in the present household."""
    table = household_member.c
    query = select(table.joined_at).where(table.account_id == account_id, table.left_at.is_(None))
    return await session.scalar(query.order_by(table.joined_at.desc()).limit(1))


async def current_meter(session: AsyncSession, household_id: uuid.UUID) -> str | None:
    """Return the meter that the household has now."""
    table = household_meter.c
    query = select(table.meter_key).where(table.household_id == household_id, table.ended_at.is_(None))
    return await session.scalar(query.order_by(table.since.desc()).limit(1))


async def members_of(session: AsyncSession, household_ids: Sequence[uuid.UUID]) -> list[MemberRow]:
    """Return the people who live in these households now, by household."""
    table = household_member.c
    query = select(table.household_id, table.membership_id, table.account_id)
    query = query.where(table.household_id.in_(household_ids), table.left_at.is_(None))
    rows = await session.execute(query.order_by(table.household_id, table.joined_at, table.membership_id))
    return [MemberRow(*row) for row in rows]


async def households_of(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the households in which these people live now, by person."""
    table = household_member.c
    query = select(table.account_id, table.household_id)
    query = query.where(table.account_id.in_(account_ids), table.left_at.is_(None)).order_by(table.joined_at)
    return {row[0]: row[1] for row in await session.execute(query)}


async def rules_of(session: AsyncSession, household_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, SpendingRule]:
    table = household_rule.c
    query = select(table.household_id, table.kind, table.limit_mg).where(table.household_id.in_(household_ids))
    return {row[0]: SpendingRule(row[1], row[2]) for row in await session.execute(query)}


async def live_cards(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, CardRow]:
    """Return the cards in use by the accounts of the cards."""
    table = family_card.c
    query = select(table.account_id, table.card_id, table.proxy_account_id, table.limit_mg)
    rows = await session.execute(query.where(table.account_id.in_(account_ids), table.ended_at.is_(None)))
    return {row[0]: CardRow(*row) for row in rows}


async def card_of(session: AsyncSession, card_id: uuid.UUID) -> CardRow | None:
    """Return a card in use."""
    table = family_card.c
    query = select(table.account_id, table.card_id, table.proxy_account_id, table.limit_mg)
    row = (await session.execute(query.where(table.card_id == card_id, table.ended_at.is_(None)))).first()
    return CardRow(*row) if row is not None else None


async def lock_subjects(connection: Connection, subject_ids: Sequence[uuid.UUID]) -> None:
    """Insert missing rows, then lock all rows in the order of their ids, so that workers cannot deadlock."""
    await connection.execute(
        "INSERT INTO accounting.cap_subject (subject_id)"
        " SELECT id FROM unnest($1::uuid[]) AS id ORDER BY id ON CONFLICT DO NOTHING",
        subject_ids,
    )
    await connection.execute(
        "SELECT 1 FROM accounting.cap_subject WHERE subject_id = ANY($1::uuid[]) ORDER BY subject_id FOR UPDATE",
        subject_ids,
    )
