"""HTTP models of the archive."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.ingest.archive.domain import (
    COPY_STATUSES,
    AcceptedItem,
    DayTotals,
    EventView,
    ReceiptView,
    RejectedItem,
    counts_of,
)
from services.ingest.archive.reasons import sentence_of
from services.ingest.events.service import message_of
from shared.contracts.outcomes_v1 import REASON_CODES
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of

Shown = Literal["received", "credited", "refused", "parked", "duplicate", "conflict", "reversed"]


class EventStatus(BaseModel):
    id: str = Field(examples=["order-20261123-000001"])
    status: Literal["received", "credited", "refused", "parked", "reversed"]
    reason_code: Annotated[str, one_of(REASON_CODES)] | None = Field(examples=["CREDITED"])
    reason: str | None = Field(examples=["已累计。"])
    amount_mg: int | None = Field(description="毫克 CO2e · milligrams", examples=[170_000])
    activity_id: UUID
    received_at: Instant | None
    receipt_id: UUID

    @classmethod
    def of(cls, view: EventView, language: Language) -> "EventStatus":
        return cls.model_validate(
            {
                "id": view.event_id,
                "status": view.status,
                "reason_code": view.reason_code,
                "reason": sentence_of(view.reason_code, language),
                "amount_mg": view.amount_mg,
                "activity_id": view.activity_id,
                "received_at": view.received_at,
                "receipt_id": view.receipt_id,
            }
        )


class ReceiptItem(BaseModel):
    index: int
    id: str | None
    status: Shown | Literal["rejected"]
    code: str | None = Field(None, description="拒收原因 · why it was not accepted", examples=["INVALID_TYPE"])
    field: str | None = None
    message: str | None = None
    reason_code: Annotated[str, one_of(REASON_CODES)] | None = Field(
        None, description="核算结果原因 · the verdict's reason"
    )
    reason: str | None = None
    amount_mg: int | None = None

    @classmethod
    def accepted(cls, item: AcceptedItem, language: Language) -> "ReceiptItem":
        code = item.reason_code or (item.status.upper() if item.status in COPY_STATUSES else None)
        return cls.model_validate(
            {
                "index": item.index,
                "id": item.id,
                "status": item.status,
                "reason_code": item.reason_code,
                "reason": sentence_of(code, language),
                "amount_mg": item.amount_mg,
            }
        )

    @classmethod
    def rejected(cls, item: RejectedItem, language: Language) -> "ReceiptItem":
        return cls(
            index=item.index,
            id=item.id,
            status="rejected",
            code=item.code,
            field=item.field,
            message=message_of(item.code, item.field, language),
        )


class Counts(BaseModel):
    received: int = Field(description="尚无结果 · no verdict yet")
    credited: int
    refused: int
    parked: int = Field(description="等待用户绑定 · waiting for a binding")
    duplicate: int
    conflict: int
    reversed: int


class Receipt(BaseModel):
    """`accepted` and `rejected` are null for the first moments, until the archive has a record of the receipt."""

    receipt_id: UUID
    received_at: Instant
    accepted: int | None
    rejected: int | None
    settled: bool = Field(description="每条已收事件都有结果 · every accepted event has a verdict")
    counts: Counts
    reasons: dict[str, int] = Field(examples=[{"CREDITED": 97, "DAILY_CAP": 3}])
    results: list[ReceiptItem]

    @classmethod
    def of(cls, view: ReceiptView, language: Language) -> "Receipt":
        items = [ReceiptItem.accepted(item, language) for item in view.accepted_items]
        items += [ReceiptItem.rejected(item, language) for item in view.rejected_items]
        return cls(
            receipt_id=view.receipt_id,
            received_at=view.received_at,
            accepted=view.accepted,
            rejected=view.rejected,
            settled=view.settled,
            counts=Counts(**view.counts),
            reasons=view.reasons,
            results=sorted(items, key=lambda item: item.index),
        )


class PartnerTotals(BaseModel):
    partner_id: str
    accepted: int = Field(description="归档的事件（含重复） · archived events, copies included")
    rejected: int = Field(description="逐条拒收 · refused at the intake")
    counts: Counts


class IntakeTotals(BaseModel):
    date: date
    time_zone: str
    accepted: int
    rejected: int
    counts: Counts
    partners: list[PartnerTotals]

    @classmethod
    def of(cls, totals: DayTotals) -> "IntakeTotals":
        partners = []
        for partner_id in sorted({owner for owner, _, _ in totals.accepted} | set(totals.rejected)):
            counts = counts_of((status, count) for owner, status, count in totals.accepted if owner == partner_id)
            partners.append(
                PartnerTotals(
                    partner_id=partner_id,
                    accepted=sum(counts.values()),
                    rejected=totals.rejected.get(partner_id, 0),
                    counts=Counts(**counts),
                )
            )
        counts = counts_of((status, count) for _, status, count in totals.accepted)
        return cls(
            date=totals.day,
            time_zone=totals.time_zone,
            accepted=sum(counts.values()),
            rejected=sum(totals.rejected.values()),
            counts=Counts(**counts),
            partners=partners,
        )
