"""SQL of mandates: the projection of the topic of accounts, and the mandates of some people."""

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.mandates.domain import MandateRow, Mandates
from services.accounting.mandates.models import mandate
from shared.contracts.mandates_v1 import MandateChanged
from shared.db import Connection


async def upsert_mandates(session: AsyncSession, changes: Sequence[MandateChanged]) -> None:
    """Insert or update rows. An older version never replaces a newer one."""
    rows = [
        {
            "mandate_id": change.mandate_id,
            "version": change.version,
            "account_id": change.account_id,
            "platform_id": change.platform_id,
            "kind": change.kind,
            "scenes": list(change.scenes),
            "terms_version": change.terms_version,
            "terms_sha256": change.terms_sha256,
            "threshold_mg": change.threshold_mg,
            "accepted_at": change.accepted_at,
            "until": change.until,
        }
        for change in sorted(changes, key=lambda one: one.mandate_id)
    ]
    statement = insert(mandate).values(rows)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[mandate.c.mandate_id],
            set_={name: statement.excluded[name] for name in rows[0] if name != "mandate_id"},
            where=mandate.c.version < statement.excluded.version,
        )
    )


async def mandates_of(connection: Connection, account_ids: Sequence[uuid.UUID], since: datetime) -> Mandates:
    """Return the mandates of these people that had not ended before `since`."""
    rows = await connection.fetch(
        "SELECT mandate_id, account_id, platform_id, kind, scenes, threshold_mg, accepted_at, until"
        " FROM accounting.mandate WHERE account_id = ANY($1::uuid[]) AND (until IS NULL OR until > $2)"
        " ORDER BY account_id, accepted_at, mandate_id",
        account_ids,
        since,
    )
    found: dict[uuid.UUID, list[MandateRow]] = defaultdict(list)
    for row in rows:
        values = dict(row)
        scenes = values.pop("scenes")
        names = frozenset(json.loads(scenes) if isinstance(scenes, str) else scenes)
        found[row["account_id"]].append(MandateRow(scenes=names, **values))
    return dict(found)
