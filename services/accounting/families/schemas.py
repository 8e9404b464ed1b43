"""HTTP models of agreements and spends of a household."""

import uuid
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.accounting.families.domain import AgreementStatus
from services.accounting.families.service import AgreementView, SpendView
from shared.amounts import display
from shared.contracts.holds import ABOUT_PATTERN, AMOUNT_MG_MAX, HoldStatus
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of

_ABOUT = "order:<item_id> 或 or donation:<campaign_id>"
_MEMBER = "成员编号，与账户服务的 member_id 相同；已退出为空 The member_id of the accounts service; null once moved out"


class AgreementIn(BaseModel):
    """A use of the household's grams that every member has to agree to."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"about": "order:reganmian", "amount_mg": 5_000_000}}
    )

    about: str = Field(pattern=ABOUT_PATTERN, description=_ABOUT)
    amount_mg: int = Field(gt=0, le=AMOUNT_MG_MAX, strict=True, description="至多 At most")


class AgreementOut(BaseModel):
    """一笔家庭用碳的约定，全家同意后由发起人使用一次。Once all agree, its proposer may use it once."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "agreement_id": "019aadf0-6b00-7000-8000-000000000001",
                "about": "order:reganmian",
                "amount_mg": 5_000_000,
                "display": "5.00 千克",
                "status": "open",
                "complete": False,
                "mine": True,
                "proposed_by": "019aadf0-6b00-7000-8000-000000000002",
                "agreed": ["019aadf0-6b00-7000-8000-000000000002"],
                "missing": ["019aadf0-6b00-7000-8000-000000000003"],
                "created_at": "2026-11-27T16:00:00+08:00",
                "expires_at": "2026-12-04T16:00:00+08:00",
            }
        }
    )

    agreement_id: uuid.UUID
    about: str = Field(description=_ABOUT)
    amount_mg: int
    display: str
    status: AgreementStatus
    complete: bool = Field(description="现在的家人都已同意 Everybody who lives there now has agreed")
    mine: bool = Field(description="由我发起 Proposed by me")
    proposed_by: uuid.UUID | None = Field(description=_MEMBER)
    agreed: list[uuid.UUID]
    missing: list[uuid.UUID] = Field(description="还没有同意的家人 Who has not agreed yet")
    created_at: Instant
    expires_at: Instant

    @classmethod
    def of(cls, view: AgreementView, *, language: Language) -> "AgreementOut":
        found = view.agreement
        fields: dict[str, Any] = {"status": view.status}
        return cls(
            agreement_id=found.agreement_id,
            about=found.about,
            amount_mg=found.amount_mg,
            display=display(found.amount_mg, language),
            complete=not view.missing,
            mine=view.is_mine,
            proposed_by=view.proposed_by,
            agreed=list(view.agreed),
            missing=list(view.missing),
            created_at=found.created_at,
            expires_at=found.expires_at,
            **fields,
        )


class FamilySpendOut(BaseModel):
    """A use of the household's grams."""

    spend_id: uuid.UUID
    about: str = Field(description=_ABOUT)
    title: str | None
    amount_mg: int
    display: str
    status: Annotated[str, one_of(get_args(HoldStatus))] = Field(description="refunded：已退回 given back")
    spent_by: uuid.UUID | None = Field(description=_MEMBER)
    mine: bool
    agreed: bool = Field(description="经全家同意 All members had agreed")
    spent_at: Instant

    @classmethod
    def of(cls, view: SpendView, *, language: Language) -> "FamilySpendOut":
        row = view.row
        return cls(
            spend_id=row.hold_id,
            about=row.about,
            title=None if view.end.title is None else view.end.title.pick(language),
            amount_mg=row.amount_mg,
            display=display(row.amount_mg, language),
            status=view.end.status,
            spent_by=view.spent_by,
            mine=view.is_mine,
            agreed=row.agreement_id is not None,
            spent_at=row.spent_at,
        )
