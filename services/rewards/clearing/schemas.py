"""HTTP models of the daily settlement."""

from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.clearing.service import DaySettlement, Line
from shared.instants import Instant
from shared.language import Language

_LINE: Final[dict[str, Any]] = {
    "merchant_id": "guozao",
    "shop_id": "guozao-hubu",
    "shop_name": "过早铺子户部巷店",
    "sponsor_id": "guozao",
    "sponsor_name": "过早联盟",
    "item_id": "reganmian",
    "title": "一碗热干面",
    "pieces": 12,
    "fen": 12_000,
    "adjusted_fen": 0,
    "total_fen": 12_000,
}


class SettlementLine(BaseModel):
    """What a sponsor owes a shop for an item."""

    model_config = ConfigDict(json_schema_extra={"example": _LINE})

    merchant_id: str
    shop_id: str
    shop_name: str
    sponsor_id: str
    sponsor_name: str
    item_id: str
    title: str
    pieces: int
    fen: int
    adjusted_fen: int = Field(description="当日裁定的异议，可为负 Disputes decided on this day; may be negative")
    total_fen: int

    @classmethod
    def of(cls, line: Line, *, language: Language) -> "SettlementLine":
        return cls(
            merchant_id=line.merchant_id,
            shop_id=line.shop_id,
            shop_name=line.shop.pick(language),
            sponsor_id=line.sponsor_id,
            sponsor_name=line.sponsor.pick(language),
            item_id=line.item_id,
            title=line.item.pick(language),
            pieces=line.pieces,
            fen=line.fen,
            adjusted_fen=line.adjusted_fen,
            total_fen=line.total_fen,
        )


class MerchantSettlement(BaseModel):
    """A day in pieces and fen, per shop, sponsor and item. A closed day never changes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "day": "2026-11-27",
                "status": "closed",
                "closes_at": "2026-11-28T00:15:00+08:00",
                "closed_at": "2026-11-28T00:15:20+08:00",
                "lines": [_LINE],
                "pieces": 12,
                "fen": 12_000,
                "adjusted_fen": 0,
                "total_fen": 12_000,
            }
        }
    )

    day: date
    status: Literal["open", "closed"]
    closes_at: Instant
    closed_at: Instant | None
    lines: list[SettlementLine]
    pieces: int
    fen: int
    adjusted_fen: int
    total_fen: int

    @classmethod
    def of(cls, found: DaySettlement, *, language: Language) -> "MerchantSettlement":
        return cls(
            day=found.day,
            status="open" if found.closed_at is None else "closed",
            closes_at=found.closes_at,
            closed_at=found.closed_at,
            lines=[SettlementLine.of(line, language=language) for line in found.lines],
            pieces=found.pieces,
            fen=found.fen,
            adjusted_fen=found.adjusted_fen,
            total_fen=found.total_fen,
        )
