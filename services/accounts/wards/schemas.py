import uuid
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounts.consents.schemas import PolicyVersion
from services.accounts.guardians.service import WardView
from services.accounts.one_time_codes import ShownCode
from services.accounts.people.schemas import BirthMonth, ConsentGiven
from services.accounts.policies.schemas import PurposeName
from shared.instants import Instant


class GuardianCodeOut(BaseModel):
    token: str = Field(description="二维码的内容 Content of the QR code", examples=["cig_Zk3vQ8u1yT5rW7xA2bC4dE6"])
    expires_at: Instant
    qr_svg: str = Field(description="SVG 图像 The QR code as an SVG document")

    @classmethod
    def of(cls, code: ShownCode) -> Self:
        return cls(token=code.token, expires_at=code.expires_at, qr_svg=code.qr_svg)


class WardIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"code": "cig_Zk3vQ8u1yT5rW7xA2bC4dE6", "consent": {"policy_version": "2026-11"}}]
        },
    )

    code: str = Field(min_length=1, max_length=64, description="孩子出示的监护码 The code that the child shows")
    consent: ConsentGiven = Field(description="代孩子同意个人信息处理 Consent to data processing for the child")
    birth_month: BirthMonth | None = Field(
        None, description="孩子的出生年月，用来确定何时满 14 周岁 The child's month of birth"
    )


class WardConsentIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"purpose": "partner:didi", "policy_version": "2026-11"}]}
    )

    purpose: PurposeName
    policy_version: PolicyVersion


class WardOut(BaseModel):
    ward_id: uuid.UUID = Field(description="监护关系的编号 The id of the guardianship")
    since: Instant
    turns_14_on: date = Field(description="此日起由本人决定 From this day on the child decides")

    @classmethod
    def of(cls, ward: WardView) -> Self:
        return cls(ward_id=ward.ward_id, since=ward.since, turns_14_on=ward.turns_14_on)


class WardsOut(BaseModel):
    items: list[WardOut] = Field(description="最多 10 位 At most 10")

    @classmethod
    def of(cls, wards: Sequence[WardView]) -> Self:
        return cls(items=[WardOut.of(ward) for ward in wards])


class AgeCorrectionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "窗口核对身份证，1985 年生"}]})

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200, pattern=r"^[^\x00]+$")
    ] = Field(description="写入审计记录，不写姓名和证件号 Stored in the audit log; no name, no number of a document")
