import uuid
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.accounts.enterprises.domain import EnterpriseState
from services.accounts.enterprises.service import EnterpriseView
from shared.contracts.enterprises_v1 import EnterpriseKind
from shared.contracts.identity import enterprise_account_id
from shared.instants import Instant

Kinds = Annotated[
    list[EnterpriseKind],
    Field(min_length=1, max_length=9, description="可多选 Several at once", examples=[["venue", "sponsor"]]),
]
EXAMPLE: JsonDict = {
    "enterprise_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4e",
    "uscc": "914201007071000009",
    "name": "江城会展有限公司",
    "kinds": ["event_organiser", "venue"],
    "status": "active",
    "status_reason": None,
    "account_id": "6b0c2f0e-3f7a-5f0e-8a52-7b9f0c1d2e3f",
    "applied_at": "2026-11-27T10:00:00+08:00",
    "approved_at": "2026-11-28T10:00:00+08:00",
}


class EnterpriseOut(BaseModel):
    """企业碳账户。An enterprise as its members and operators see it."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    enterprise_id: uuid.UUID
    uscc: str = Field(description="统一社会信用代码 Unified social credit code")
    name: str
    kinds: Kinds
    status: EnterpriseState
    status_reason: str | None = Field(description="驳回、暂停或关闭的原因 Why it was rejected, suspended or closed")
    account_id: uuid.UUID | None = Field(description="企业碳账户，核准后才有 The carbon account, from the approval on")
    applied_at: Instant
    approved_at: Instant | None

    @classmethod
    def of(cls, view: EnterpriseView) -> Self:
        return cls(
            enterprise_id=view.enterprise_id,
            uscc=view.uscc,
            name=view.name,
            kinds=list(view.kinds),
            status=view.status,
            status_reason=view.status_reason,
            account_id=None if view.approved_at is None else enterprise_account_id(view.enterprise_id),
            applied_at=view.applied_at,
            approved_at=view.approved_at,
        )
