"""Routes for operators on the dead letters of a service. Every service that has consumers mounts them."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from shared import dead_letters
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.dead_letters import Audit, Change, ReadableCheck, State
from shared.idempotency import REPLAYED_HEADER
from shared.pagination import Cursor, Limit, Page, position_of

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$", examples=["里程字段类型已修正"])]
LetterId = Annotated[int, Path(ge=1, lt=2**63)]


class Resolution(BaseModel):
    action: State
    subject: str = Field(description="处理人 · who did it")
    reason: str
    edited: bool
    resolved_at: datetime
    value: str | None = Field(description="重新发布的内容（脱敏） · what was published, masked")


class DeadLetterItem(BaseModel):
    dead_letter_id: int = Field(le=2**63)
    state: State
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: str = Field(examples=["UNREADABLE_RECORD"])
    message: str = Field(examples=["Object missing required field `event_key`"])
    appended_at: datetime
    set_aside_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "DeadLetterItem":
        return cls(**_item(row))


class DeadLetterDetail(DeadLetterItem):
    key: str | None = Field(description="脱敏 · masked")
    value: str | None = Field(description="脱敏，最多 4,000 字 · masked, at most 4,000 characters")
    value_bytes: int
    value_sha256: str = Field(description="原始字节的 SHA-256 · of the raw bytes, which are kept")
    resolution: Resolution | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "DeadLetterDetail":
        resolution = None
        if row["state"] != "open":
            resolution = Resolution(
                action=row["state"],
                subject=row["subject"],
                reason=row["why"],
                edited=row["edited"],
                resolved_at=row["resolved_at"],
                value=dead_letters.masked_text(row["published"]),
            )
        value = row["value"] or b""
        return cls(
            **_item(row),
            key=dead_letters.masked_text(row["key"]),
            value=dead_letters.masked_text(row["value"]),
            value_bytes=len(value),
            value_sha256=hashlib.sha256(value).hexdigest(),
            resolution=resolution,
        )


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("state", "consumer", "topic", "partition", "offset", "reason", "appended_at")
    return {
        **{name: row[name] for name in plain},
        "dead_letter_id": row["id"],
        "message": dead_letters.masked(row["message"]),
        "set_aside_at": row["created_at"],
    }


class ReplayRequest(BaseModel):
    """`patch`（RFC 7396）修改原内容，或用 `value` 整体替换；两者都不给则原样重放 · neither: the original."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"reason": "里程字段类型已修正", "patch": {"act": {"distance_m": 2360}}}},
    )

    reason: Reason
    patch: dict[str, Any] | None = None
    value: dict[str, Any] | None = None


class DiscardRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


def dead_letter_router(*, service: str, write_scope: str, readable: ReadableCheck, audit: Audit) -> APIRouter:
    """`write_scope`: the scope for replay and discard. Reading needs `ops:read`."""
    router = APIRouter(prefix=f"/api/v1/{service}/ops/dead-letters", tags=["死信 Dead letters"])
    reader = [Depends(require_scope("ops:read"))]
    writer = Depends(require_scope(write_scope))

    @router.get("", summary="死信列表 · Dead letters, newest first", dependencies=reader)
    async def list_dead_letters(
        session: Session,
        state: Annotated[State | None, Query(description="缺省为全部 · default all")] = None,
        consumer: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")] = None,
        cursor: Cursor = None,
        limit: Limit = 20,
    ) -> Page[DeadLetterItem]:
        before = position_of(cursor, int)
        rows = await dead_letters.list_letters(
            session, service, state=state, consumer=consumer, before=before, limit=limit + 1
        )
        return Page.of(rows, limit, item=DeadLetterItem.of, cursor=lambda row: (row["id"],))

    @router.get("/{letter_id}", summary="查看一条死信 · One dead letter", dependencies=reader)
    async def get_dead_letter(letter_id: LetterId, session: Session) -> DeadLetterDetail:
        return DeadLetterDetail.of(await dead_letters.get_letter(session, service, letter_id))

    @router.post("/{letter_id}/replay", summary="修正并重放 · Correct and publish again, once")
    async def replay_dead_letter(
        letter_id: LetterId,
        body: ReplayRequest,
        response: Response,
        session: Session,
        operator: Annotated[Operator, writer],
    ) -> DeadLetterDetail:
        change = Change(reason=body.reason, patch=body.patch, value=body.value)
        row, again = await dead_letters.replay(
            session, service, letter_id, change, subject=operator.subject, readable=readable, audit=audit
        )
        if again:
            response.headers[REPLAYED_HEADER] = "true"
        return DeadLetterDetail.of(row)

    @router.post("/{letter_id}/discard", summary="作废 · Discard")
    async def discard_dead_letter(
        letter_id: LetterId,
        body: DiscardRequest,
        response: Response,
        session: Session,
        operator: Annotated[Operator, writer],
    ) -> DeadLetterDetail:
        row, again = await dead_letters.discard(
            session, service, letter_id, body.reason, subject=operator.subject, audit=audit
        )
        if again:
            response.headers[REPLAYED_HEADER] = "true"
        return DeadLetterDetail.of(row)

    return router
