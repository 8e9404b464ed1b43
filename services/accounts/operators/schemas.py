import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints

from services.accounts.carbon_accounts.service import AccountKind
from services.accounts.operators.service import AccountFacts, LookUpView
from shared.instants import Instant

LookUpReason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200, pattern=r"^[^\x00]+$")
]


class AccountSeenOut(BaseModel):
    account_id: uuid.UUID
    account_no: str = Field(examples=["WH202611230018"])
    kind: AccountKind
    opened_at: Instant
    members: int | None = Field(description="家庭成员人数 Number of members; households only")
    phone_masked: str | None = Field(examples=["138****5678"])
    data_processing_consent: bool | None = Field(description="仅限个人账户 Persons only")
    bound_partner_ids: list[str]
    frozen: bool | None = Field(None, description="是否冻结；查不到时为空 Null while accounting does not answer")
    frozen_since: Instant | None = None

    @classmethod
    def of(cls, facts: AccountFacts, *, frozen: bool | None, frozen_since: datetime | None) -> Self:
        seen = cls.model_validate(facts, from_attributes=True)
        return seen.model_copy(update={"frozen": frozen, "frozen_since": frozen_since})


class LookUpOut(BaseModel):
    at: Instant
    role: str = Field(description="运营人员的岗位 Role of the operator", examples=["service-desk"])
    reason_kind: Literal["help", "complaint", "fraud_check", "legal", "other"]

    @classmethod
    def of(cls, view: LookUpView) -> Self:
        return cls.model_validate({"at": view.at, "role": view.role, "reason_kind": view.reason_kind})
