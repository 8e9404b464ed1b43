from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounts.operator_accounts.domain import RoleName


class RoleChangeIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"role": "ledger", "reason": "接任账务"}]}
    )

    role: RoleName
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")
    ] = Field(description="写入审计记录 Stored in the audit log")


class RoleOut(BaseModel):
    role: RoleName
    scopes: list[str] = Field(examples=[["ops:ledger", "ops:read"]])
