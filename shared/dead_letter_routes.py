"""Routes for operators on the dead letters of a service. Every service that has consumers mounts them."""

import hashlib
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from shared import dead_letter_mends, dead_letters
from shared.approvals import Approvals, RequestApprovals
from shared.approvals_kinds import Proposal, Status
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.dead_letter_mends import LetterMends, subject_of
from shared.dead_letters import Audit, State
from shared.idempotency import REPLAYED_HEADER
from shared.instants import Instant
from shared.pagination import Cursor, Limit, Page, position_of

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$", examples=["里程字段类型已修正"])]
LetterId = Annotated[int, Path(ge=1, lt=2**63)]


class Resolution(BaseModel):
    action: State
    subject: str = Field(description="处理人 · who did it")
    reason: str
    edited: bool
    resolved_at: Instant
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
    appended_at: Instant
    set_aside_at: Instant

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "DeadLetterItem":
        return cls(**_item(row))


class MendedField(BaseModel):
    field: str = Field(examples=["act.distance_m"])
    before: str | None = Field(description="原值（脱敏） · masked; null if absent")
    after: str | int | float | bool | None = Field(description="修正值，空为删除 · null: removed")


class MendProposal(BaseModel):
    """A mend that one operator proposed. The record is published when another operator approves."""

    proposal_id: uuid.UUID
    dead_letter_id: int = Field(le=2**63)
    status: Status
    fields: list[MendedField]
    reason: str
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: Proposal, original: bytes | None) -> "MendProposal":
        return cls(
            proposal_id=proposal.proposal_id,
            dead_letter_id=dead_letter_mends.letter_of(proposal.subject),
            status=proposal.status,
            fields=[
                MendedField(
                    field=one["field"], before=dead_letter_mends.shown_value(original, one["field"]), after=one["after"]
                )
                for one in proposal.content["changes"]
            ],
            reason=proposal.reason,
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            expires_at=proposal.expires_at,
            decided_by=proposal.decided_by,
            decided_at=proposal.decided_at,
        )


class DeadLetterDetail(DeadLetterItem):
    key: str | None = Field(description="脱敏 · masked")
    value: str | None = Field(description="脱敏，最多 4,000 字 · masked, at most 4,000 characters")
    value_bytes: int
    value_sha256: str = Field(description="原始字节的 SHA-256 · of the raw bytes, which are kept")
    resolution: Resolution | None
    mend: MendProposal | None = Field(None, description="待另一人批准的修正 · a mend that waits for a second person")

    @classmethod
    def of(cls, row: Mapping[str, Any], mend: Proposal | None = None) -> "DeadLetterDetail":
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
            mend=None if mend is None else MendProposal.of(mend, row["value"]),
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
    """都不给则原样重放。`patch`（RFC 7396）或 `value` 提出修正，须另一人批准 · neither: the unchanged original."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"reason": "里程字段类型已修正", "patch": {"act": {"distance_m": 2360}}}},
    )

    reason: Reason
    patch: dict[str, Any] | None = None
    value: dict[str, Any] | None = None


class BecauseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class DiscardRequest(BecauseRequest):
    pass


Require = Callable[[str], Callable[..., Coroutine[Any, Any, Operator]]]
"""Makes the dependency of an operator's route from the scope that it needs."""


def dead_letter_router(
    *, service: str, mends: LetterMends, audit: Audit, require: Require = require_scope
) -> APIRouter:
    """The routes of `service`. Its `app.state.approvals` must know `mends.kind()`. Reading needs `ops:read`."""
    router = APIRouter(prefix=f"/api/v1/{service}/ops/dead-letters", tags=["死信 Dead letters"])
    reader, writer = Depends(require("ops:read")), Depends(require(mends.scope))
    _add_mend_list(router, service, reader)
    _add_mend_decisions(router, service, writer)
    _add_read_routes(router, service, reader)

    @router.post(
        "/{letter_id}/replay",
        operation_id=f"replay_{service}_dead_letter",
        summary="原样重放，或提议修正 · Publish again, or propose a mend",
        responses={202: {"model": DeadLetterDetail, "description": "修正待另一人批准 · A mend waits for approval"}},
    )
    async def replay_dead_letter(
        letter_id: LetterId,
        body: ReplayRequest,
        response: Response,
        session: Session,
        approvals: RequestApprovals,
        operator: Annotated[Operator, writer],
    ) -> DeadLetterDetail:
        """不带 `patch` 和 `value`：立即原样重放一次。带其一：只可改动导致无法读取的字段，由另一人批准后重放。

        Unchanged bytes are published at once. A change is proposed, and published when another operator approves it.
        """
        if body.patch is not None or body.value is not None:
            response.status_code = 202
            return await _propose_mend(session, approvals, mends, letter_id, body, operator)
        row, again = await dead_letters.replay(
            session,
            service,
            letter_id,
            reason=body.reason,
            subject=operator.subject,
            readable=mends.readable,
            audit=audit,
        )
        if again:
            response.headers[REPLAYED_HEADER] = "true"
        return DeadLetterDetail.of(row)

    @router.post("/{letter_id}/discard", operation_id=f"discard_{service}_dead_letter", summary="作废 · Discard")
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


async def _propose_mend(
    session: Session,
    approvals: Approvals,
    mends: LetterMends,
    letter_id: int,
    body: ReplayRequest,
    operator: Operator,
) -> DeadLetterDetail:
    change = dead_letter_mends.Change(patch=body.patch, value=body.value)
    proposal = await approvals.propose(
        session,
        kind=dead_letter_mends.KIND,
        subject=subject_of(letter_id),
        content=await mends.content(session, letter_id, change),
        reason=body.reason,
        operator=operator,
    )
    return DeadLetterDetail.of(await dead_letters.get_letter(session, mends.schema, letter_id), proposal)


def _add_read_routes(router: APIRouter, service: str, reader: Any) -> None:
    @router.get(
        "",
        operation_id=f"list_{service}_dead_letters",
        summary="死信列表 · Dead letters, newest first",
        dependencies=[reader],
    )
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

    @router.get(
        "/{letter_id}",
        operation_id=f"get_{service}_dead_letter",
        summary="查看一条死信 · One dead letter",
        dependencies=[reader],
    )
    async def get_dead_letter(letter_id: LetterId, session: Session, approvals: RequestApprovals) -> DeadLetterDetail:
        row = await dead_letters.get_letter(session, service, letter_id)
        mend = await approvals.open_about(session, kind=dead_letter_mends.KIND, subject=subject_of(letter_id))
        return DeadLetterDetail.of(row, mend)


async def _shown(session: Session, service: str, proposal: Proposal) -> MendProposal:
    letter_id = dead_letter_mends.letter_of(proposal.subject)
    return MendProposal.of(proposal, await dead_letters.original_of(session, service, letter_id))


def _add_mend_list(router: APIRouter, service: str, reader: Any) -> None:
    @router.get(
        "/mends",
        operation_id=f"list_{service}_mends",
        summary="死信修正提案 · Proposed mends, newest first",
        dependencies=[reader],
    )
    async def list_mends(
        session: Session,
        approvals: RequestApprovals,
        status: Status | None = None,
        cursor: Cursor = None,
        limit: Limit = 20,
    ) -> Page[MendProposal]:
        rows = await approvals.newest(
            session,
            kinds=(dead_letter_mends.KIND,),
            statuses=None if status is None else (status,),
            before=position_of(cursor, uuid.UUID),
            limit=limit + 1,
        )
        items = {row.proposal_id: await _shown(session, service, row) for row in rows[:limit]}
        return Page.of(rows, limit, item=lambda row: items[row.proposal_id], cursor=lambda row: (row.proposal_id,))


def _add_mend_decisions(router: APIRouter, service: str, writer: Any) -> None:
    kinds = (dead_letter_mends.KIND,)

    @router.post(
        "/mends/{proposal_id}/approve",
        operation_id=f"approve_{service}_mend",
        summary="批准修正并重放 · Approve a mend, by a second person",
    )
    async def approve_mend(
        proposal_id: uuid.UUID,
        body: BecauseRequest,
        session: Session,
        approvals: RequestApprovals,
        operator: Annotated[Operator, writer],
    ) -> MendProposal:
        """须由提议人以外的人批准；修正后的记录只发布一次。By another operator; the mended record is published once."""
        return await _shown(
            session,
            service,
            await approvals.approve(
                session, proposal_id=proposal_id, kinds=kinds, operator=operator, reason=body.reason
            ),
        )

    @router.post(
        "/mends/{proposal_id}/reject",
        operation_id=f"reject_{service}_mend",
        summary="驳回或撤回修正 · Reject or withdraw a mend",
    )
    async def reject_mend(
        proposal_id: uuid.UUID,
        body: BecauseRequest,
        session: Session,
        approvals: RequestApprovals,
        operator: Annotated[Operator, writer],
    ) -> MendProposal:
        return await _shown(
            session,
            service,
            await approvals.reject_or_withdraw(
                session, proposal_id=proposal_id, kinds=kinds, operator=operator, reason=body.reason
            ),
        )
