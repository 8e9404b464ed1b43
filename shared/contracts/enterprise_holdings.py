"""HTTP model of `/internal/accounting/enterprises/{enterprise_id}/holdings`: what an enterprise still has."""

import uuid

from pydantic import BaseModel


class EnterpriseHoldings(BaseModel):
    """All zero: the enterprise may be closed. `pending_mg`, `held_mg` and `debt_mg` are not part of `available_mg`."""

    enterprise_id: uuid.UUID
    available_mg: int
    pending_mg: int
    held_mg: int
    debt_mg: int
