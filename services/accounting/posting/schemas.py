"""HTTP models of the operators' totals of verdicts."""

from pydantic import BaseModel


class IntakeTotal(BaseModel):
    partner_id: str
    status: str
    reason_code: str
    events: int
    amount_mg: int


class IntakeTotals(BaseModel):
    events: int
    items: list[IntakeTotal]
