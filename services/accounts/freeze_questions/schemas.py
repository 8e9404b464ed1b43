import uuid
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounts.freeze_questions.service import QuestionView
from shared.instants import Instant

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")
]


class QuestionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "我的账户为什么被冻结？"}]})

    text: QuestionText


class AnswerIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "核实已完成，账户将在今天解除冻结。"}]}
    )

    text: QuestionText = Field(description="给本人看的答复 What the person reads")


class QuestionOut(BaseModel):
    question_id: uuid.UUID
    text: str = Field(examples=["我的账户为什么被冻结？"])
    asked_at: Instant
    answer: str | None = Field(examples=["核实已完成，账户将在今天解除冻结。"])
    answered_at: Instant | None

    @classmethod
    def of(cls, view: QuestionView) -> Self:
        return cls.model_validate({name: getattr(view, name) for name in cls.model_fields})


class QuestionSeenOut(QuestionOut):
    account_id: uuid.UUID
