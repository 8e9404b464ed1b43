"""Use cases that explain stored activities: one sentence for a list, the whole calculation for one activity."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.accounting.explaining.domain import Explanation, add_mend, explain, reason_text
from services.accounting.judging.reasons import CANCELLED, CORRECTED, REVOKED
from services.accounting.judging.stored import from_row
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from services.accounting.posting import history
from services.accounting.sentences.verdicts import VERDICTS
from shared.db import Database, Session
from shared.language import Text

_LATER_REVERSALS = frozenset({CANCELLED, CORRECTED, REVOKED})


async def list_activities(
    database: Database,
    library: Library,
    *,
    account_id: uuid.UUID,
    scene: str | None,
    status: str | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> tuple[Sequence[Any], MethodologyIndex]:
    """Return stored activities, newest first, and an index with the versions that they name."""
    rows = await history.list_activities(
        database, account_id=account_id, scene=scene, status=status, before=before, limit=limit
    )
    named = {(row.methodology_code, row.methodology_version) for row in rows if row.methodology_code}
    return rows, await library.index_with(database, named)


def reason_of_activity(row: Any, index: MethodologyIndex) -> Text:
    """Return why a stored activity earned its amount. After a reversal, return the reason of the reversal."""
    if row.status == "reversed" or row.reason_code in _LATER_REVERSALS or row.judgement is None:
        return _general(row)
    return reason_text(from_row(row._mapping), _version(row, index))


def explain_activity(row: Any, index: MethodologyIndex) -> Explanation:
    """Return the whole calculation of a stored activity. After a reversal, it shows the amount before."""
    if row.judgement is None:  # cancelled while it was parked: its content is deleted
        return Explanation(status=row.status, reason_code=row.reason_code, reason=_general(row), amount_mg=0, raw_mg=0)
    return explain(from_row(row._mapping), _version(row, index))


async def explain_with_mend(session: Session, row: Any, index: MethodologyIndex) -> Explanation:
    """Explain the activity, and say whether two operators mended the record."""
    mend = await history.find_mend(session, activity_id=row.activity_id)
    explanation = explain_activity(row, index)
    return explanation if mend is None else add_mend(explanation, mend.proposal_id, mend.fields)


def _general(row: Any) -> Text:
    return VERDICTS[row.reason_code]


def _version(row: Any, index: MethodologyIndex) -> Compiled | None:
    named = row.methodology_code and row.methodology_version
    return index.version(row.methodology_code, row.methodology_version) if named else None
