"""What a citizen is told of each act in a list: the stored verdict, and why in one sentence."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.accounting.activities import repository
from services.accounting.activities.domain import from_row
from services.accounting.activities.explanation import Text, reason
from services.accounting.activities.reasons import CANCELLED, CORRECTED, REASONS, REVOKED
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from shared.db import Database

_LATER_REVERSALS = frozenset({CANCELLED, CORRECTED, REVOKED})


async def page(
    database: Database,
    library: Library,
    *,
    account_id: uuid.UUID,
    scene: str | None,
    status: str | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[tuple[Any, Text]]:
    """Acts with their sentences, newest first."""
    rows = await repository.activities(database, account_id, scene=scene, status=status, before=before, limit=limit)
    named = {(row.methodology_code, row.methodology_version) for row in rows if row.methodology_code}
    index = await library.knowing(database, named)
    return [(row, sentence(row, index)) for row in rows]


def sentence(row: Any, index: MethodologyIndex) -> Text:
    """Why a stored activity earned what it earned."""
    # A later reversal speaks for itself; the judgement still tells what the act had earned. And who was cancelled while
    # parked has no judgement left.
    if row.reason_code in _LATER_REVERSALS or row.judgement is None:
        told = REASONS[row.reason_code]
        return Text(told.zh, told.en)
    named = row.methodology_code and row.methodology_version
    version = index.version(row.methodology_code, row.methodology_version) if named else None
    return reason(from_row(row._mapping), version)
