"""SQL of facts: what accounts have done and given, for badges, levels and rankings. It only reads."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.recognition.domain import Facts, SceneSum, Streaks
from shared.db import driver

_TOTALS = """
SELECT account_id, acts, amount_mg,
    (SELECT sum(upper(r) - lower(r)) FROM unnest(active_days) r)::int AS days,
    (SELECT max(upper(r) - lower(r)) FROM unnest(active_days) r)::int AS longest
FROM rewards.earned_total WHERE generation = $1 AND account_id = ANY($2::uuid[])"""


async def facts_of(session: AsyncSession, generation: int, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Facts]:
    """Return the facts of each account, zeros for one without acts."""
    connection = await driver(session)
    totals = {row[0]: row for row in await connection.fetch(_TOTALS, generation, account_ids)}
    scenes: dict[uuid.UUID, dict[str, SceneSum]] = defaultdict(dict)
    for row in await connection.fetch(
        "SELECT account_id, scene, acts, days, amount_mg FROM rewards.earned_scene"
        " WHERE generation = $1 AND account_id = ANY($2::uuid[])",
        generation,
        account_ids,
    ):
        scenes[row[0]][row[1]] = SceneSum(*row[2:])
    donated: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    donations: dict[uuid.UUID, int] = defaultdict(int)
    for row in await connection.fetch(
        "SELECT account_id, campaign_id, count(*), sum(amount_mg)::bigint FROM rewards.recognised_donation"
        " WHERE account_id = ANY($1::uuid[]) GROUP BY 1, 2",
        account_ids,
    ):
        donations[row[0]] += row[2]
        donated[row[0]][row[1]] = row[3]
    return {one: _facts(totals.get(one), scenes[one], donated[one], donations[one]) for one in account_ids}


def _facts(total: Any | None, scenes: dict[str, SceneSum], donated: dict[str, int], donations: int) -> Facts:
    acts, amount_mg, days, longest = (0, 0, 0, 0) if total is None else tuple(total)[1:]
    return Facts(acts, amount_mg, days, longest, scenes, donated, donations)


_STREAKS = """
SELECT coalesce((SELECT upper(r) - lower(r) FROM unnest(active_days) r WHERE r @> $3::date OR r @> $3::date - 1), 0),
    (SELECT max(upper(r) - lower(r)) FROM unnest(active_days) r), upper(active_days) - 1
FROM rewards.earned_total WHERE generation = $1 AND account_id = $2"""


async def streaks_of(session: AsyncSession, generation: int, account_id: uuid.UUID, today: date) -> Streaks:
    row = await (await driver(session)).fetchrow(_STREAKS, generation, account_id, today)
    return Streaks(0, 0, None) if row is None else Streaks(*row)


async def totals_of(session: AsyncSession, generation: int, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the lifetime milligrams of those accounts that have any."""
    rows = await (await driver(session)).fetch(
        "SELECT account_id, amount_mg FROM rewards.earned_total WHERE generation = $1 AND account_id = ANY($2::uuid[])",
        generation,
        account_ids,
    )
    return {row[0]: row[1] for row in rows}


_EARNED_IN = """
SELECT d.account_id, v.number, sum(d.amount_mg)::bigint FROM rewards.earned_day d
JOIN unnest($3::date[], $4::date[]) WITH ORDINALITY v(first, last, number) ON d.day BETWEEN v.first AND v.last
WHERE d.generation = $1 AND d.account_id = ANY($2::uuid[]) AND d.day >= $5 GROUP BY 1, 2"""
_DONATED_IN = """
SELECT d.account_id, d.campaign_id, v.number, sum(d.amount_mg)::bigint FROM rewards.recognised_donation d
JOIN unnest($2::date[], $3::date[]) WITH ORDINALITY v(first, last, number) ON d.day BETWEEN v.first AND v.last
WHERE d.account_id = ANY($1::uuid[]) GROUP BY 1, 2, 3"""


async def earned_in(
    session: AsyncSession, generation: int, account_ids: Sequence[uuid.UUID], spans: Sequence[tuple[date, date]]
) -> Sequence[tuple[uuid.UUID, int, int]]:
    """Return (account, number of the span, milligrams). Spans count from 1."""
    firsts, lasts = zip(*spans, strict=True)
    rows = await (await driver(session)).fetch(_EARNED_IN, generation, account_ids, firsts, lasts, min(firsts))
    return [tuple(row) for row in rows]


async def donated_in(
    session: AsyncSession, account_ids: Sequence[uuid.UUID], spans: Sequence[tuple[date, date]]
) -> Sequence[tuple[uuid.UUID, str, int, int]]:
    """Return (account, campaign, number of the span, milligrams). Spans count from 1."""
    rows = await (await driver(session)).fetch(_DONATED_IN, account_ids, *zip(*spans, strict=True))
    return [tuple(row) for row in rows]
