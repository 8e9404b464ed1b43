"""The answer of the intake, encoded by msgspec because it is on the hot path."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta


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
