"""The item of one stored activity in lists and answers."""

from typing import Any

from services.accounting.explaining.schemas import MethodologyRef
from services.accounting.explaining.service import reason_of_activity
from services.accounting.methodologies.matching import MethodologyIndex
from shared.amounts import display
from shared.language import Language


def activity_item_fields(row: Any, index: MethodologyIndex, language: Language) -> dict[str, Any]:
    """Return the fields of `ActivityItem`."""
    reference = None
    if row.methodology_code:
        reference = MethodologyRef(code=row.methodology_code, version=row.methodology_version)
    return {
        "activity_id": row.activity_id,
        "scene": row.scene,
        "occurred_at": row.occurred_at,
        "status": row.status,
        "amount_mg": row.amount_mg,
        "display": display(row.amount_mg, language),
        "reason_code": row.reason_code,
        "reason": reason_of_activity(row, index).pick(language),
        "methodology": reference,
    }
