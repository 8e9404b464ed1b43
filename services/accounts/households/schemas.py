import uuid
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.households.service import HouseholdView
from services.accounts.one_time_codes import ShownCode
from shared.instants import Instant

# The form in which partners report it (`meter_ref` of energy.saved): printable ASCII without spaces.
MeterRef = Annotated[
    str, Field(pattern=r"^[!-~]{1,64}$", examples=["4201004812345"], description="电表户号 The meter's number")
]


class HouseholdIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"meter_ref": "4201004812345"}, {}]})

    meter_ref: MeterRef | None = Field(
        None,
        description="家庭电表户号，仅保存加密散列，也可稍后登记 Stored only as a keyed hash; may be registered later",
    )


class MeterIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"meter_ref": "4201004812345"}]})

    meter_ref: MeterRef


class JoinIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"token": "chi_Zk3vQ8u1yT5rW7xA2bC4dE6"}]}
    )

    token: str = Field(min_length=1, max_length=64)


class HouseholdOut(BaseModel):
    """家庭账户：只显示成员人数，不显示成员身份。The number of members, not who they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "household_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4e",
                "account_id": "6b0c2f0e-3f7a-5f0e-8a52-7b9f0c1d2e3f",
                "account_no": "WH203947561028",
                "opened_at": "2026-11-24T16:00:00+08:00",
                "joined_at": "2026-11-24T16:00:00+08:00",
                "members": 3,
                "meter_since": "2026-11-24T16:00:00+08:00",
            }
        }
    )

    household_id: uuid.UUID
    account_id: uuid.UUID = Field(description="家庭碳账户 The household's carbon account")
    account_no: str = Field(description="末位为校验位 The last digit is a check digit")
    opened_at: Instant
    joined_at: Instant = Field(description="我加入的时间 When I joined")
    members: int = Field(description="成员人数 Number of members")
    meter_since: Instant | None = Field(description="电表登记时间，未登记为空 When the meter was registered")

    @classmethod
    def of(cls, household: HouseholdView) -> Self:
        return cls.model_validate(household, from_attributes=True)


class InvitationOut(BaseModel):
    token: str = Field(examples=["chi_Zk3vQ8u1yT5rW7xA2bC4dE6"])
    expires_at: Instant
    qr_svg: str

    @classmethod
    def of(cls, code: ShownCode) -> Self:
        return cls(token=code.token, expires_at=code.expires_at, qr_svg=code.qr_svg)
