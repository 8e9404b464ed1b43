import uuid
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.carbon_accounts.service import Account
from services.accounts.consents.schemas import PolicyVersion


class ConsentGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    policy_version: PolicyVersion


class OpenAccountIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"consent": {"policy_version": "2026-11"}}]}
    )

    consent: ConsentGiven = Field(description="同意个人信息处理 Consent to data processing, needed to keep an account")


class CarbonAccountOut(BaseModel):
    account_id: uuid.UUID
    account_no: str = Field(description="末位为校验位 The last digit is a check digit", examples=["WH202611230018"])
    kind: Literal["person", "household"]
    opened_at: datetime

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            account_id=account.account_id, account_no=account.account_no, kind=account.kind, opened_at=account.opened_at
        )
