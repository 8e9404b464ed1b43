import uuid

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.messages.service import MessageKind
from services.accounts.text_checks.service import TextKind
from shared.instants import Instant


class FailedMessageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    message_id: uuid.UUID
    kind: MessageKind
    reason: str = Field(description="微信的错误码 WeChat's errcode", examples=["47003"])
    created_at: Instant
    finished_at: Instant


class WaitingTextOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    check_id: uuid.UUID
    kind: TextKind
    text: str = Field(examples=["武昌一家人"])
    label: int = Field(description="微信给出的风险类别 WeChat's kind of risk", examples=[10001])
    created_at: Instant


class TextDecisionIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"allow": True, "reason": "正常的家庭名称"}]}
    )

    allow: bool = Field(strict=True)
    reason: str = Field(min_length=4, max_length=500, pattern=r"^[^\x00]*$")
