"""HTTP models of the feed."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.ingest.outcomes.service import FeedPage
from shared.contracts.outcomes_v1 import REASON_CODES
from shared.instants import Instant
from shared.openapi.closed import one_of
from shared.pagination import encode_cursor

Shown = Literal["credited", "refused", "parked", "duplicate", "conflict", "reversed"]


class Outcome(BaseModel):
    """The same fields as in a webhook. A higher `sequence` of the same `id` replaces a lower one."""

    id: str = Field(examples=["order-20261123-000001"])
    status: Shown
    reason_code: Annotated[str, one_of(REASON_CODES)] | None = Field(examples=["CREDITED"])
    amount_mg: int = Field(description="毫克 CO2e · milligrams", examples=[170_000])
    sequence: int
    receipt_id: UUID
    index: int
    activity_id: UUID
    judged_at: Instant


class OutcomeFeed(BaseModel):
    items: list[Outcome]
    next_cursor: str = Field(
        description="总有值；请保存，下次作为 after · always there: keep it and send it as `after`", examples=["WzE3XQ"]
    )
    has_more: bool

    @classmethod
    def of(cls, page: FeedPage) -> "OutcomeFeed":
        return cls(
            items=[Outcome.model_validate(one, from_attributes=True) for one in page.results],
            next_cursor=encode_cursor(page.next_position),
            has_more=page.has_more,
        )
