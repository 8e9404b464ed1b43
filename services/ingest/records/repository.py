"""SQL of the records. Reads the tables of other rooms: their rows are what the chain seals and the check compares."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# The newest record of every row, beside the row as it is now. Either may be missing.
_ROWS = """
WITH newest AS (
    SELECT DISTINCT ON (kind, name) kind, name, partner_id, at, facts FROM ingest.partner_record
    ORDER BY kind, name, entry_id DESC),
stored AS (
    SELECT 'partner' AS kind, partner_id AS name, partner_id, to_jsonb(t) AS stored FROM ingest.partner t
    UNION ALL SELECT 'key', app_key, partner_id, to_jsonb(t) FROM ingest.partner_key t
    UNION ALL SELECT 'webhook', partner_id, partner_id, to_jsonb(t) FROM ingest.webhook_endpoint t)
SELECT coalesce(s.kind, n.kind) AS kind, coalesce(s.name, n.name) AS name,
    coalesce(s.partner_id, n.partner_id) AS partner_id, n.at, n.facts, s.stored
FROM newest n FULL JOIN stored s ON (s.kind, s.name) = (n.kind, n.name) ORDER BY 1, 2"""
# Partners may change their own address. Everything else is an operator's act, audited in the same transaction.
_AUDITED = """
SELECT kind, name, partner_id, at, facts, audited FROM (
    SELECT r.*, bool_and(audited) OVER (PARTITION BY kind, name) AS sound FROM (
        SELECT r.*, EXISTS (SELECT FROM ingest.audit_log a WHERE a.object = 'partner/' || r.partner_id AND a.at = r.at)
            AS audited
        FROM ingest.partner_record r WHERE r.kind <> 'webhook') r) r
WHERE NOT sound ORDER BY kind, name, entry_id"""


async def rows_with_records(session: AsyncSession) -> Sequence[Any]:
    return (await session.execute(text(_ROWS))).all()


async def histories_with_unaudited_changes(session: AsyncSession) -> Sequence[Any]:
    """Return all records of the rows that have a change without an audit entry, row by row, in their order."""
    return (await session.execute(text(_AUDITED))).all()
