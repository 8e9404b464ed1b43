import uuid
from typing import Literal, Self

from pydantic import BaseModel, Field

from services.accounts.erasures.service import ANSWERING, ErasureView
from services.accounts.sentences.leaving import CONSEQUENCES
from shared.instants import Instant
from shared.language import Language

ErasureStatus = Literal["planned", "cancelled", "running", "done"]


class PlannedErasureOut(BaseModel):
    erasure_id: uuid.UUID
    planned_at: Instant
    due_at: Instant = Field(description="到这时注销，之前可以撤销 When it happens; it can be cancelled until then")

    @classmethod
    def of(cls, view: ErasureView) -> Self:
        return cls(erasure_id=view.erasure_id, planned_at=view.planned_at, due_at=view.due_at)


class ErasureOut(PlannedErasureOut):
    consequences: list[str] = Field(
        description="注销意味着什么，请给本人看 What it means, to be shown to the person",
        examples=[[text.zh for text in CONSEQUENCES[:2]]],
    )

    @classmethod
    def told(cls, view: ErasureView, language: Language) -> Self:
        planned = PlannedErasureOut.of(view)
        return cls(**planned.model_dump(), consequences=[text.pick(language) for text in CONSEQUENCES])


class ServiceAnswerOut(BaseModel):
    service: Literal["accounting", "ingest", "rewards"]
    rows: int = Field(description="删除或清除的行数 Rows deleted or cleared")
    answered_at: Instant


class ErasureSeenOut(BaseModel):
    """An erasure as operators see it. It names an account by id, no person."""

    erasure_id: uuid.UUID
    account_id: uuid.UUID
    status: ErasureStatus
    planned_at: Instant
    due_at: Instant
    started_at: Instant | None
    done_at: Instant | None
    answers: list[ServiceAnswerOut]
    waiting_for: list[str] = Field(description="尚未答复的服务 Services that have not answered", examples=[["ingest"]])

    @classmethod
    def of(cls, view: ErasureView) -> Self:
        answered = [one[0] for one in view.answers]
        waiting = [name for name in ANSWERING if name not in answered] if view.status == "running" else []
        return cls.model_validate(
            {
                **{name: getattr(view, name) for name in cls.model_fields if hasattr(view, name)},
                "answers": [
                    {"service": service, "rows": rows, "answered_at": at} for service, rows, at in view.answers
                ],
                "waiting_for": waiting,
            }
        )
