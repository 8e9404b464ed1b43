import uuid

from pydantic import BaseModel, ConfigDict, Field

from shared.instants import Instant


class FailedMessageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    message_id: uuid.UUID
    kind: str = Field(examples=["credited_today"])
    reason: str = Field(description="微信的错误码 WeChat's errcode", examples=["47003"])
    created_at: Instant
    finished_at: Instant


class WaitingTextOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    check_id: uuid.UUID
    kind: str = Field(examples=["household_name"])
    text: str = Field(examples=["武昌一家人"])
    label: int = Field(description="微信给出的风险类别 WeChat's kind of risk", examples=[10001])
    created_at: Instant


class TextDecisionIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"allow": True, "reason": "正常的家庭名称"}]}
    )

    allow: bool = Field(strict=True)
    reason: str = Field(min_length=4, max_length=500, pattern=r"^[^\x00]*$")
