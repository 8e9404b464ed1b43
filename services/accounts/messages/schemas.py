from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.accounts.messages.service import REMAINING_MAX, Answer, Choice, MessageKind
from services.accounts.messages.templates import TEMPLATES
from services.accounts.sentences import refusals
from shared.errors import InvalidValue
from shared.language import Language

KINDS_PER_REQUEST_MAX = 10


class MessageChoiceOut(BaseModel):
    kind: MessageKind
    title: str = Field(examples=["减碳量到账"])
    template_id: str = Field(description="传给 wx.requestSubscribeMessage For wx.requestSubscribeMessage")
    remaining: int = Field(ge=0, le=REMAINING_MAX, description="还可收到几条 How many messages I may still receive")


class MessageChoicesOut(BaseModel):
    items: list[MessageChoiceOut]

    @classmethod
    def of(cls, choices: Sequence[Choice], language: Language) -> Self:
        return cls(
            items=[
                MessageChoiceOut(
                    kind=one.kind,
                    title=TEMPLATES[one.kind].title.pick(language),
                    template_id=one.template_id,
                    remaining=one.remaining,
                )
                for one in choices
            ]
        )


class MessageAnswerIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: MessageKind
    answer: Answer = Field(
        description=(
            "wx.requestSubscribeMessage 的结果，或 stop 表示不再接收 "
            "The result of wx.requestSubscribeMessage, or stop: no more of these"
        )
    )


class MessageAnswersIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"answers": [{"kind": "credited_today", "answer": "accept"}]}]},
    )

    answers: list[MessageAnswerIn] = Field(min_length=1, max_length=KINDS_PER_REQUEST_MAX)

    @field_validator("answers")
    @classmethod
    def _each_kind_once(cls, value: list[MessageAnswerIn]) -> list[MessageAnswerIn]:
        if len({one.kind for one in value}) < len(value):
            raise InvalidValue(refusals.KIND_TWICE)
        return value
