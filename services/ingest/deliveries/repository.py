"""SQL of webhook addresses, deliveries and attempts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, and_, delete, func, insert, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.deliveries.domain import BULK
from services.ingest.deliveries.models import webhook_attempt, webhook_delivery, webhook_endpoint
from shared.db import driver

Row = Mapping[str, Any]

_endpoint, _delivery, _attempt = webhook_endpoint.c, webhook_delivery.c, webhook_attempt.c

# The oldest due deliveries of every active partner and lane, so that a slow receiver delays only itself and a backlog
# never its fresh results. Fresh ones come first. Rows that another process is claiming are skipped. The raised
# next_attempt_at is both the claim and its expiry.
_CLAIM = text("""
WITH due AS (
  SELECT d.delivery_id, e.url, e.secret_sealed,
         CASE WHEN e.previous_until > :now THEN e.previous_secret_sealed END AS previous_secret_sealed
  FROM (VALUES (0), (1)) l (lane)
  CROSS JOIN ingest.webhook_endpoint e
  CROSS JOIN LATERAL (
    SELECT delivery_id FROM ingest.webhook_delivery
    WHERE partner_id = e.partner_id AND lane = l.lane AND status = 'pending' AND next_attempt_at <= :now
    ORDER BY next_attempt_at
    LIMIT :per_lane FOR UPDATE SKIP LOCKED
  ) d
  WHERE e.status = 'active'
    AND e.partner_id <> ALL(CASE l.lane WHEN 0 THEN CAST(:busy_fresh AS text[]) ELSE CAST(:busy_bulk AS text[]) END)
  ORDER BY l.lane
  LIMIT :most
)
UPDATE ingest.webhook_delivery w
SET attempts = w.attempts + 1, attempts_total = w.attempts_total + 1, next_attempt_at = :until
FROM due WHERE w.delivery_id = due.delivery_id
RETURNING w.delivery_id, w.partner_id, w.lane, w.payload, w.attempts, w.attempts_total,
          due.url, due.secret_sealed, due.previous_secret_sealed
""")


_ANY_DUE = text("""
SELECT EXISTS (
  SELECT FROM ingest.webhook_endpoint e WHERE e.status = 'active' AND EXISTS (
    SELECT FROM ingest.webhook_delivery
    WHERE partner_id = e.partner_id AND lane IN (0, 1) AND status = 'pending' AND next_attempt_at <= :now))
""")


def any_due(now: datetime) -> TextClause:
    """The query whether `claim_due` would find anything."""
    return _ANY_DUE.bindparams(now=now)


async def with_active_endpoint(session: AsyncSession, partner_ids: Collection[str]) -> set[str]:
    """Which of these partners have an active address. One query per poll, whatever its size."""
    connection = await driver(session)
    rows = await connection.fetch(
        "SELECT partner_id FROM ingest.webhook_endpoint WHERE status = 'active' AND partner_id = ANY($1::text[])",
        list(partner_ids),
    )
    return {row["partner_id"] for row in rows}


async def add_deliveries(session: AsyncSession, rows: Sequence[Row]) -> None:
    await session.execute(insert(webhook_delivery), [dict(row) for row in rows])


async def claim_due(
    session: AsyncSession,
    *,
    now: datetime,
    until: datetime,
    busy_fresh: Collection[str],
    busy_bulk: Collection[str],
    per_lane: int,
    most: int,
) -> Sequence[Row]:
    """`busy_fresh`, `busy_bulk`: partners of which the lane takes no more."""
    found = await session.execute(
        _CLAIM,
        {
            "now": now,
            "until": until,
            "busy_fresh": list(busy_fresh),
            "busy_bulk": list(busy_bulk),
            "per_lane": per_lane,
            "most": most,
        },
    )
    return [dict(row) for row in found.mappings()]


_COUNT_WAITING = text("""
SELECT p.partner_id, (
  SELECT count(*) FROM (SELECT FROM ingest.webhook_delivery
    WHERE partner_id = p.partner_id AND lane = :lane AND status = 'pending' LIMIT :most) w)
FROM unnest(CAST(:partner_ids AS text[])) p (partner_id)
""")


async def count_waiting(session: AsyncSession, partner_ids: Collection[str], lane: int, most: int) -> dict[str, int]:
    """Pending deliveries of a lane, counted up to `most`."""
    if not partner_ids:
        return {}
    found = await session.execute(_COUNT_WAITING, {"partner_ids": list(partner_ids), "lane": lane, "most": most})
    return {name: int(count) for name, count in found}


# Selects from the delivery, which may have been deleted meanwhile.
_ADD_ATTEMPT = text("""
INSERT INTO ingest.webhook_attempt (delivery_id, number, started_at, duration_ms, status_code, error)
SELECT delivery_id, :number, :started_at, :duration_ms, :status_code, :error
FROM ingest.webhook_delivery WHERE delivery_id = :delivery_id
ON CONFLICT DO NOTHING
""")


async def add_attempt(session: AsyncSession, values: Mapping[str, Any]) -> None:
    await session.execute(_ADD_ATTEMPT, dict(values))


async def finish_attempt(session: AsyncSession, delivery_id: UUID, number: int, values: Mapping[str, Any]) -> bool:
    """False without a change if another claim has taken over since: its result counts."""
    moved = await session.execute(
        update(webhook_delivery)
        .where(_delivery.delivery_id == delivery_id, _delivery.attempts_total == number, _delivery.status == "pending")
        .values(**values)
    )
    return isinstance(moved, CursorResult) and moved.rowcount > 0


async def find_endpoint(session: AsyncSession, partner_id: str, *, lock: bool = False) -> Row | None:
    query = select(webhook_endpoint).where(_endpoint.partner_id == partner_id)
    found = await session.execute(query.with_for_update() if lock else query)
    row = found.mappings().first()
    return dict(row) if row is not None else None


async def list_endpoints(session: AsyncSession, *, status: str | None, after: str | None, limit: int) -> Sequence[Row]:
    query = select(webhook_endpoint).order_by(_endpoint.partner_id).limit(limit)
    if status is not None:
        query = query.where(_endpoint.status == status)
    if after is not None:
        query = query.where(_endpoint.partner_id > after)
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def put_endpoint(session: AsyncSession, row: Row) -> bool:
    """Register the address, or change and reactivate it. True if it is new."""
    fresh = {"status": "active", "disabled_reason": None, "disabled_at": None, "failing_since": None}
    statement = upsert(webhook_endpoint).values(**row)
    changed = {"url": statement.excluded.url, "changed_by": statement.excluded.changed_by}
    found = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[_endpoint.partner_id], set_={**changed, **fresh, "updated_at": func.clock_timestamp()}
        ).returning(_endpoint.secret_sealed)
    )
    return bool(found.scalar_one() == row["secret_sealed"])


async def change_endpoint(session: AsyncSession, partner_id: str, values: Mapping[str, Any]) -> None:
    await session.execute(
        update(webhook_endpoint)
        .where(_endpoint.partner_id == partner_id)
        .values(**values, updated_at=func.clock_timestamp())
    )


async def record_success(session: AsyncSession, partner_id: str, at: datetime) -> None:
    """Write at most every ten seconds while all succeeds: many deliveries end at once and would queue for the row."""
    stale = or_(_endpoint.last_success_at.is_(None), _endpoint.last_success_at < at - timedelta(seconds=10))
    await session.execute(
        update(webhook_endpoint)
        .where(_endpoint.partner_id == partner_id, or_(_endpoint.failing_since.is_not(None), stale))
        .values(failing_since=None, last_success_at=at)
    )


async def record_failure(session: AsyncSession, partner_id: str, at: datetime) -> None:
    await session.execute(
        update(webhook_endpoint)
        .where(_endpoint.partner_id == partner_id, _endpoint.failing_since.is_(None))
        .values(failing_since=at)
    )


async def disable_endpoint(
    session: AsyncSession, partner_id: str, *, reason: str, at: datetime, failing_since_before: datetime | None = None
) -> bool:
    """True if it was active until now. With `failing_since_before`: only if it has failed since before that."""
    conditions = [_endpoint.partner_id == partner_id, _endpoint.status == "active"]
    if failing_since_before is not None:
        conditions.append(_endpoint.failing_since < failing_since_before)
    done = await session.execute(
        update(webhook_endpoint)
        .where(and_(*conditions))
        .values(status="disabled", disabled_reason=reason, disabled_at=at, updated_at=func.clock_timestamp())
    )
    return isinstance(done, CursorResult) and done.rowcount > 0


async def list_deliveries(
    session: AsyncSession, partner_id: str, *, status: str | None, before: UUID | None, limit: int
) -> Sequence[Row]:
    columns = [column for column in webhook_delivery.c if column.name != "payload"]
    query = select(*columns).where(_delivery.partner_id == partner_id).order_by(_delivery.delivery_id.desc())
    if status is not None:
        query = query.where(_delivery.status == status)
    if before is not None:
        query = query.where(_delivery.delivery_id < before)
    return [dict(row) for row in (await session.execute(query.limit(limit))).mappings()]


async def find_delivery(session: AsyncSession, partner_id: str, delivery_id: UUID) -> Row | None:
    found = await session.execute(
        select(webhook_delivery).where(_delivery.partner_id == partner_id, _delivery.delivery_id == delivery_id)
    )
    row = found.mappings().first()
    return dict(row) if row is not None else None


async def list_attempts(session: AsyncSession, delivery_id: UUID, limit: int) -> Sequence[Row]:
    """The newest `limit` attempts, oldest first."""
    found = await session.execute(
        select(webhook_attempt).where(_attempt.delivery_id == delivery_id).order_by(_attempt.number.desc()).limit(limit)
    )
    return [dict(row) for row in found.mappings()][::-1]


async def count_in_range(
    session: AsyncSession, partner_id: str, *, start: datetime, end: datetime, status: str | None, most: int
) -> int:
    """Count at most `most` + 1."""
    query = select(literal(1)).where(*_between(partner_id, start, end, status)).limit(most + 1)
    return int(await session.scalar(select(func.count()).select_from(query.subquery())) or 0)


def _between(partner_id: str, start: datetime, end: datetime, status: str | None) -> list[Any]:
    """Conditions for finished deliveries. Pending ones are under way already."""
    wanted = _delivery.status == status if status is not None else _delivery.status != "pending"
    return [_delivery.partner_id == partner_id, _delivery.created_at >= start, _delivery.created_at < end, wanted]


_AGAIN = {"status": "pending", "finished_at": None, "attempts": 0}


async def replay_one(session: AsyncSession, partner_id: str, delivery_id: UUID, now: datetime) -> bool:
    """Make it due at once, with all its tries again. One that waits for a retry is sent at once too."""
    done = await session.execute(
        update(webhook_delivery)
        .where(_delivery.partner_id == partner_id, _delivery.delivery_id == delivery_id)
        .values(**_AGAIN, next_attempt_at=now)
    )
    return isinstance(done, CursorResult) and done.rowcount > 0


async def replay_range(
    session: AsyncSession, partner_id: str, *, start: datetime, end: datetime, status: str | None, now: datetime
) -> int:
    done = await session.execute(
        update(webhook_delivery).where(*_between(partner_id, start, end, status)).values(**_AGAIN, next_attempt_at=now)
    )
    return done.rowcount if isinstance(done, CursorResult) else 0


async def replay_exhausted(session: AsyncSession, partner_id: str, *, since: datetime | None, now: datetime) -> None:
    """Send again what was given up since then, or at any time."""
    conditions = [_delivery.partner_id == partner_id, _delivery.status == "exhausted"]
    if since is not None:
        conditions.append(_delivery.finished_at >= since)
    await session.execute(update(webhook_delivery).where(*conditions).values(**_AGAIN, next_attempt_at=now, lane=BULK))


async def delete_old_deliveries(session: AsyncSession, before: datetime, limit: int) -> int:
    """Delete at most `limit` deliveries created before that instant, with their attempts. Return how many."""
    oldest = (
        select(_delivery.delivery_id).where(_delivery.created_at < before).order_by(_delivery.created_at).limit(limit)
    )
    result = await session.execute(delete(webhook_delivery).where(_delivery.delivery_id.in_(oldest)))
    return result.rowcount if isinstance(result, CursorResult) else 0


async def sealed_secrets(session: AsyncSession) -> list[tuple[str, str, bytes]]:
    """Return (column, partner id, sealed secret) of every endpoint."""
    found: list[tuple[str, str, bytes]] = []
    for column in (_endpoint.secret_sealed, _endpoint.previous_secret_sealed):
        rows = await session.execute(select(_endpoint.partner_id, column).where(column.is_not(None)))
        found += [(column.name, partner_id, bytes(sealed)) for partner_id, sealed in rows]
    return found


async def replace_secret(session: AsyncSession, *, column: str, partner_id: str, before: bytes, after: bytes) -> None:
    """Does nothing if the secret was changed meanwhile."""
    await session.execute(
        update(webhook_endpoint)
        .where(_endpoint.partner_id == partner_id, webhook_endpoint.c[column] == before)
        .values({column: after})
    )
