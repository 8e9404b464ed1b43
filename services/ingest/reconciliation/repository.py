"""SQL of reconciliation. The comparison reads the archive's table, because it compares millions of rows."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, cast, delete, distinct, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.reconciliation.models import (
    reconciliation_difference,
    reconciliation_line,
    reconciliation_report,
)
from shared.db import driver, fetch_slow

Row = Mapping[str, Any]

# Longer than a request may take: the busiest partner of a city sends a million lines.
_COMPARE_S = 120
_LINES = {
    "line_no": "bigint",
    "event_key": "uuid",
    "event_id": "text",
    "occurred_on": "date",
    "fingerprint": "bytea",
    "act": "text",
}
_ADD = (
    f"INSERT INTO ingest.reconciliation_line (report_id, {', '.join(_LINES)})"
    " SELECT $1, v.line_no, v.event_key, v.event_id, v.occurred_on, v.fingerprint, v.act::jsonb FROM unnest("
    f"{', '.join(f'${number}::{kind}[]' for number, kind in enumerate(_LINES.values(), start=2))}"
    f") AS v({', '.join(_LINES)}) ON CONFLICT DO NOTHING"
)

# Our events of the day, and those of other days that the file lists. Old rows may have no fingerprint; then the acts
# are compared.
_COMPARE = """
WITH numbered AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY event_key ORDER BY line_no) AS n
  FROM ingest.reconciliation_line WHERE report_id = :report_id
), theirs AS (SELECT * FROM numbered WHERE n = 1
), ours_today AS MATERIALIZED (
  SELECT DISTINCT ON (e.event_key) e.event_key, e.event_id, e.fingerprint, e.act, e.status, e.amount_mg
  FROM ingest.reported_event e
  WHERE e.partner_id = :partner_id AND e.occurred_on = :day AND e.receipt_id >= :since
    AND e.status NOT IN ('duplicate', 'conflict')
  ORDER BY e.event_key, e.sequence = 0, e.receipt_id
), ours_elsewhere AS (
  SELECT DISTINCT ON (e.event_key) e.event_key, e.event_id, e.fingerprint, e.act, e.status, e.amount_mg
  FROM theirs t JOIN ingest.reported_event e ON e.event_key = t.event_key
  WHERE e.partner_id = :partner_id AND e.receipt_id >= :since AND e.act IS NOT NULL
    AND NOT EXISTS (SELECT FROM ours_today o WHERE o.event_key = t.event_key)
  ORDER BY e.event_key, e.status IN ('duplicate', 'conflict'), e.sequence = 0, e.receipt_id
), ours AS MATERIALIZED (SELECT * FROM ours_today UNION ALL SELECT * FROM ours_elsewhere
), found AS MATERIALIZED (
  SELECT CASE WHEN o.event_key IS NULL THEN 'only_theirs' ELSE 'differing' END AS kind, t.event_id, t.line_no,
    o.act || jsonb_build_object('status', o.status, 'amount_mg', o.amount_mg) AS ours, t.act AS theirs
  FROM theirs t LEFT JOIN ours o USING (event_key)
  WHERE o.event_key IS NULL OR o.fingerprint <> t.fingerprint OR (o.fingerprint IS NULL AND o.act <> t.act)
  UNION ALL
  SELECT 'only_ours', o.event_id, 0, o.act || jsonb_build_object('status', o.status, 'amount_mg', o.amount_mg), NULL
  FROM ours_today o WHERE NOT EXISTS (SELECT FROM theirs t WHERE t.event_key = o.event_key)
  UNION ALL
  SELECT 'doubled', d.event_id, d.line_no, NULL, d.act FROM numbered d WHERE d.n > 1
), kept AS (
  INSERT INTO ingest.reconciliation_difference (report_id, kind, event_id, line_no, ours, theirs)
  SELECT :report_id, kind, event_id, line_no, ours, theirs FROM (
    SELECT *, row_number() OVER (PARTITION BY kind ORDER BY event_id, line_no) AS n FROM found) f WHERE n <= :kept
)
SELECT kind, count(*) FROM found GROUP BY kind
"""


async def add_lines(session: AsyncSession, report_id: UUID, rows: Sequence[Row]) -> None:
    connection = await driver(session)
    await connection.execute(_ADD, report_id, *([row[name] for row in rows] for name in _LINES))


async def drop_lines(session: AsyncSession, report_id: UUID) -> None:
    await session.execute(delete(reconciliation_line).where(reconciliation_line.c.report_id == report_id))


async def add_report(session: AsyncSession, row: Row) -> None:
    await session.execute(insert(reconciliation_report).values(**row))


async def compare_lines(
    session: AsyncSession, *, report_id: UUID, partner_id: str, day: date, since: UUID, kept: int
) -> dict[str, int]:
    """Write the differences of an existing report. Return the count of each kind."""
    found = await fetch_slow(
        session,
        _COMPARE,
        {"report_id": report_id, "partner_id": partner_id, "day": day, "since": since, "kept": kept},
        timeout_s=_COMPARE_S,
    )
    counts = {str(kind): int(count) for kind, count in found}
    await session.execute(
        update(reconciliation_report).where(reconciliation_report.c.report_id == report_id).values(differences=counts)
    )
    return counts


async def sum_lines(session: AsyncSession, report_id: UUID, day: date) -> Row:
    """Sums of the lines in the file. A line that occurs twice counts twice."""
    line = reconciliation_line

    def total(name: str) -> Any:
        return func.coalesce(func.sum(cast(line.c.act[name].astext, BigInteger)), 0).cast(BigInteger).label(name)

    found = await session.execute(
        select(
            func.count().label("lines"),
            func.count(distinct(line.c.event_key)).label("events"),
            func.count().filter(line.c.occurred_on != day).label("of_other_days"),
            total("distance_m"),
            total("weight_g"),
            total("energy_wh"),
            total("count"),
        ).where(line.c.report_id == report_id)
    )
    return dict(found.mappings().one())


async def find_report(session: AsyncSession, report_id: UUID) -> Row | None:
    found = await session.execute(select(reconciliation_report).where(reconciliation_report.c.report_id == report_id))
    row = found.mappings().first()
    return dict(row) if row is not None else None


async def list_reports(session: AsyncSession, day: date, partner_id: str | None, limit: int) -> Sequence[Row]:
    table = reconciliation_report
    query = select(table).where(table.c.day == day)
    if partner_id is not None:
        query = query.where(table.c.partner_id == partner_id)
    found = await session.execute(query.order_by(table.c.report_id.desc()).limit(limit))
    return [dict(row) for row in found.mappings()]


async def list_differences(
    session: AsyncSession, report_id: UUID, kind: str | None, after: tuple[str, str, int] | None, limit: int
) -> Sequence[Row]:
    table = reconciliation_difference
    position = tuple_(table.c.kind, table.c.event_id, table.c.line_no)
    query = select(table).where(table.c.report_id == report_id)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if after is not None:
        query = query.where(position > after)
    found = await session.execute(query.order_by(table.c.kind, table.c.event_id, table.c.line_no).limit(limit))
    return [dict(row) for row in found.mappings()]


async def delete_old_reports(session: AsyncSession, before: datetime, limit: int) -> None:
    oldest = select(reconciliation_report.c.report_id).where(reconciliation_report.c.made_at < before).limit(limit)
    await session.execute(delete(reconciliation_report).where(reconciliation_report.c.report_id.in_(oldest)))
