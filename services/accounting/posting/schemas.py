"""HTTP models of the operators' totals of verdicts."""

from typing import Annotated, get_args

from pydantic import BaseModel

from shared.contracts.outcomes_v1 import REASON_CODES, Status
from shared.openapi.closed import one_of


class IntakeTotal(BaseModel):
    partner_id: str
    status: Annotated[str, one_of(get_args(Status))]
    reason_code: Annotated[str, one_of(REASON_CODES)]
    events: int
    amount_mg: int


class IntakeTotals(BaseModel):
    events: int
    items: list[IntakeTotal]
