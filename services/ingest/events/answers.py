"""The answer of the intake, encoded by msgspec because it is on the hot path."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from services.ingest.events.rejections import SENTENCES
from services.ingest.sentences import refusals
from shared.errors import AppError, FieldError
from shared.language import Language, Text


class EventResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    index: Annotated[int, Meta(description="在批次中的位置，从 0 开始 · position in the batch")]
    id: str | None = None
    status: Literal["accepted", "rejected"]
    code: Annotated[str | None, Meta(examples=["INVALID_TYPE"])] = None
    field: Annotated[str | None, Meta(examples=["data.distance"])] = None
    message: Annotated[str | None, Meta(examples=["字段类型不正确。须为整数，单位米。"])] = None


class IntakeAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    receipt_id: Annotated[UUID | None, Meta(description="试运行时为空 · null for a dry run")]
    accepted: int
    rejected: int
    results: list[EventResult]
    dry_run: bool = False
    environment: Annotated[
        Literal["live", "sandbox"],
        Meta(description="沙箱事件只有沙箱结果，不入账 · sandbox events get sandbox verdicts, no credit"),
    ] = "live"


def schema_of_answer() -> dict[str, Any]:
    """The schema of the answer without references, so that it can be placed anywhere in an OpenAPI document."""
    _, parts = msgspec.json.schema_components([IntakeAnswer], ref_template="{name}")
    answer: dict[str, Any] = parts["IntakeAnswer"]
    result: dict[str, Any] = parts["EventResult"]
    answer["properties"]["results"]["items"] = result
    return answer


class EventRefused(AppError):
    """The one event of a request was rejected. The code is that of the rejection: an SDK looks at the status only."""

    status = 422
    codes = tuple(SENTENCES)
    members: ClassVar = schema_of_answer()["properties"]
    says = refusals.EVENT_REFUSED

    def __init__(self, code: str, field: str | None, message: Text, *, extensions: Mapping[str, Any]) -> None:
        self.code, self._message = code, message
        super().__init__(field_errors=[FieldError(field, code, message)] if field else (), extensions=extensions)

    def detail(self, language: Language) -> str:
        return self._message.pick(language)
