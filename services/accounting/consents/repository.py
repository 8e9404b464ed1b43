"""SQL of consents."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.consents.models import consent
from shared.contracts.consents_v1 import ConsentChanged
from shared.db import Connection


async def upsert_consents(session: AsyncSession, changes: Sequence[ConsentChanged]) -> None:
    """Insert or update consents. An older version never replaces a newer one."""
    statement = insert(consent).values(
        [
            {
                "account_id": change.account_id,
                "purpose": change.purpose,
                "version": change.version,
                "given_at": change.given_at,
                "ends_at": change.ends_at,
            }
            for change in sorted(changes, key=lambda c: (c.account_id, c.purpose))
        ]
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[consent.c.account_id, consent.c.purpose],
            set_={name: statement.excluded[name] for name in ("version", "given_at", "ends_at")},
            where=consent.c.version < statement.excluded.version,
        )
    )


async def holders_of(
    connection: Connection, purpose: str, account_ids: Sequence[uuid.UUID], at: datetime
) -> set[uuid.UUID]:
    rows = await connection.fetch(
        "SELECT account_id FROM accounting.consent WHERE purpose = $1 AND account_id = ANY($2::uuid[])"
        " AND given_at <= $3 AND (ends_at IS NULL OR $3 < ends_at)",
        purpose,
        account_ids,
        at,
    )
    return {row[0] for row in rows}
