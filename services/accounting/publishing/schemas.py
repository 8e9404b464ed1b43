"""HTTP models of publishing."""

import uuid
from datetime import date
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from services.accounting.approvals.domain import PublicStatus, public_status
from services.accounting.audit.schemas import Reason
from services.accounting.methodologies.document import Sha256
from services.accounting.methodologies.presentation import calendar_line
from services.accounting.methodologies.schemas import CalendarLine, YamlText
from services.accounting.publishing.draft_warnings import Outlook, WarningName
from services.accounting.publishing.errors import fault
from shared import approvals_kinds
from shared.instants import Instant

_NO_OUTLOOK = Outlook()

DraftStatus = Literal["draft", "checked", "published", "withdrawn"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WriteDraft(_Request):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"yaml": "code: WH-DEMO-BUS\nversion: 2\n…", "reason": "公交改按里程核算"}},
    )

    yaml: YamlText
    reason: Reason


class Because(_Request):
    reason: Reason


class Publish(_Request):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "已审阅，市发改委批准"}})

    reason: Reason
    sha256: Sha256 | None = Field(
        default=None,
        description="所审阅内容的哈希，不符则拒绝；草案改写过的必须给出"
        " Hash of the text you read. Refused if it differs. Required for a draft that was rewritten",
    )
    acknowledged: list[WarningName] = Field(
        default_factory=list,
        max_length=20,
        description="逐一确认的提醒 Names of the warnings that the publisher has read",
        examples=[["NO_CAPS"]],
    )


class Retire(_Request):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"example": {"from": "2026-12-31", "reason": "活动结束"}},
    )

    ends_on: date = Field(alias="from", description="自这一天起不再适用 First day on which it no longer applies")
    reason: Reason


class Fault(BaseModel):
    code: str
    field: str
    line: int = Field(description="0 = 无位置 no place in the text")
    column: int
    zh: str
    en: str


class DraftWarning(BaseModel):
    code: WarningName
    field: str
    line: int = Field(description="0 = 无位置 no place in the text")
    column: int
    zh: str
    en: str


def warnings_of(outlook: Outlook) -> list[DraftWarning]:
    return [DraftWarning.model_validate(fault(warning)) for warning in outlook.warnings]


class Draft(BaseModel):
    draft_id: uuid.UUID
    code: str
    version: int
    status: DraftStatus
    sha256: str
    authors: list[str] = Field(description="起草人，均不得批准发布 None of them may publish it")
    created_at: Instant
    updated_at: Instant
    checked_by: str | None
    checked_at: Instant | None
    published_by: str | None
    published_at: Instant | None

    @classmethod
    def of(cls, row: Any) -> "Draft":
        return cls.model_validate(row, from_attributes=True)


class Superseded(BaseModel):
    code: str
    version: int
    effective_to: date | None = Field(description="目前的失效日 Its end as of now")


class DraftDetail(Draft):
    yaml: str
    faults: list[Fault] = Field(description="目前发现的全部问题 All faults found as of now")
    warnings: list[DraftWarning] = Field(
        description="不妨碍发布的提醒，批准时须逐一确认 Allowed choices that the publisher acknowledges by name"
    )
    supersedes: list[Superseded] = Field(description="发布后将被取代的版本 Versions that its publication would end")
    calendar: list[CalendarLine] = Field(
        description="发布之后，有关场景和地区的日历 Calendar of its scenes and regions afterwards"
    )


class Publication(BaseModel):
    code: str
    version: int
    sha256: str
    effective_from: date
    effective_to: date | None
    superseded: list[int] = Field(
        description="自 effective_from 起被取代的本代码版本 Versions of this code that end on effective_from"
    )
    ended: list[Superseded] = Field(
        description="自 effective_from 起被取代的全部版本，含 supersedes 所指代码的；effective_to 为原失效日"
        " All versions that end on effective_from, with the ends they had before"
    )


class Restored(BaseModel):
    code: str
    version: int
    effective_to: date | None = Field(description="撤回之后的失效日 Its end after the withdrawal")


class MethodologyProposal(BaseModel):
    proposal_id: uuid.UUID
    kind: Literal["factors", "retirement"]
    status: PublicStatus
    content: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    warnings: list[DraftWarning] = Field(
        default_factory=list, description="停用提案待批准时：目前的提醒 Of an open retirement: its warnings as of now"
    )
    restores: list[Restored] = Field(
        default_factory=list,
        description="停用提案待批准时：重新有效的版本 Of an open retirement: versions that apply again",
    )
    calendar: list[CalendarLine] = Field(
        default_factory=list,
        description="停用提案待批准时：批准之后的日历 Of an open retirement: the calendar after its approval",
    )

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal, outlook: Outlook = _NO_OUTLOOK) -> "MethodologyProposal":
        return cls(
            warnings=warnings_of(outlook),
            restores=[
                Restored(
                    code=change.version.document.code,
                    version=change.version.document.version,
                    effective_to=change.effective_to,
                )
                for change in outlook.ends
            ],
            calendar=[calendar_line(line) for line in outlook.calendar],
            proposal_id=proposal.proposal_id,
            kind=cast('Literal["factors", "retirement"]', proposal.kind),
            status=public_status(proposal.status),
            content=dict(proposal.content),
            reason=proposal.reason,
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            decided_by=proposal.decided_by,
            decided_at=proposal.decided_at,
        )
