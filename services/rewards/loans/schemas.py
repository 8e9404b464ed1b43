"""HTTP models of quotes and offsets."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.rewards.loans.domain import (
    CUSTOMER_REF_PATTERN,
    INTEREST_FEN_MAX,
    QUOTE_ID_PATTERN,
    BankStatus,
    OffsetStatus,
)
from services.rewards.loans.service import Offset, Quote
from services.rewards.settlement.domain import Reason
from services.rewards.slugs import SLUG_PATTERN
from shared.amounts import display
from shared.contracts.holds import AMOUNT_MG_MAX
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of

_REF = "ZmFrZS1jdXN0b21lci1yZWZlcmVuY2Utb2YtYS1iYW5"
_QUOTE: dict[str, Any] = {
    "quote_id": "Q2026112700017",
    "interest_fen": 9_000,
    "expires_at": "2026-11-27T10:00:00+08:00",
}
_OFFSET: dict[str, Any] = {
    "offset_id": "019aadf0-6b00-7000-8000-000000000003",
    "status": "accepted",
    "reason_code": None,
    "bank_id": "jiangcheng",
    "bank_name": "江城示范银行",
    "quote_id": "Q2026112700017",
    "amount_mg": 45_000_000,
    "display": "45.00 千克",
    "interest_fen": 9_000,
    "answer_by": "2026-11-29T09:31:00+08:00",
    "created_at": "2026-11-27T09:31:00+08:00",
}
_INTEREST = "抵扣的利息（分） Interest, in fen"


class LoanBank(BaseModel):
    """A bank that takes grams for loan interest."""

    bank_id: str
    name: str
    fen_per_kg: int = Field(description="一千克抵多少分 Fen of interest for a kilogram")
    month_fen: int = Field(description="每人每月上限（分） The limit of a month, in fen")
    left_this_month_fen: int
    customer_ref: str = Field(
        description="交给这家银行的称呼，别家银行认不出 What this bank may call you; no other bank knows it"
    )


class LoanBanks(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "bank_id": "jiangcheng",
                        "name": "江城示范银行",
                        "fen_per_kg": 200,
                        "month_fen": 20_000,
                        "left_this_month_fen": 11_000,
                        "customer_ref": _REF,
                    }
                ]
            }
        }
    )

    items: list[LoanBank]


class QuoteRequest(BaseModel):
    """What a bank offers one customer. Nothing else about the loan is taken."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {**_QUOTE, "customer_ref": _REF}})

    quote_id: str = Field(pattern=QUOTE_ID_PATTERN, description="银行的报价编号，只能用一次 Used once")
    customer_ref: str = Field(pattern=CUSTOMER_REF_PATTERN, description="市民给银行的称呼 From the citizen")
    interest_fen: int = Field(ge=1, le=INTEREST_FEN_MAX, strict=True, description="最多可抵（分） The most, in fen")
    expires_at: AwareDatetime = Field(description="最长 24 小时 Within 24 hours")


class QuoteView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "bank_id": "jiangcheng",
                "bank_name": "江城示范银行",
                **_QUOTE,
                "max_mg": 45_000_000,
                "display": "45.00 千克",
            }
        }
    )

    bank_id: str
    bank_name: str
    quote_id: str
    interest_fen: int = Field(description=_INTEREST)
    max_mg: int = Field(description="抵完全部利息要用的减碳量 The grams that offset all of it")
    display: str
    expires_at: Instant

    @classmethod
    def of(cls, quote: Quote, *, language: Language) -> Self:
        return cls(
            bank_id=quote.bank_id,
            bank_name=quote.bank_name.pick(language),
            quote_id=quote.quote_id,
            interest_fen=quote.interest_fen,
            max_mg=quote.max_mg,
            display=display(quote.max_mg, language),
            expires_at=quote.expires_at,
        )


class QuoteList(BaseModel):
    items: list[QuoteView]


class OffsetRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"bank_id": "jiangcheng", "quote_id": "Q2026112700017", "amount_mg": 45_000_000}},
    )

    bank_id: str = Field(pattern=SLUG_PATTERN)
    quote_id: str = Field(pattern=QUOTE_ID_PATTERN)
    amount_mg: int = Field(
        gt=0, le=AMOUNT_MG_MAX, strict=True, description="最多用这些；不足一分的零头不扣 At most; less than a fen stays"
    )


class OffsetView(BaseModel):
    """An offset of the caller. `accepted`: the grams are spent, the bank has not answered."""

    model_config = ConfigDict(json_schema_extra={"example": _OFFSET})

    offset_id: uuid.UUID
    status: OffsetStatus
    reason_code: Annotated[str, one_of(Reason)] | None = Field(description="未完成的原因 Why it was not confirmed")
    bank_id: str
    bank_name: str
    quote_id: str
    amount_mg: int
    display: str
    interest_fen: int = Field(description=_INTEREST)
    answer_by: Instant | None = Field(description="银行到这时没有答复就退回 Without an answer the grams go back then")
    created_at: Instant

    @classmethod
    def of(cls, offset: Offset, *, language: Language) -> Self:
        return cls(
            offset_id=offset.offset_id,
            status=offset.status,
            reason_code=offset.reason_code,
            bank_id=offset.bank_id,
            bank_name=offset.bank_name.pick(language),
            quote_id=offset.quote_id,
            amount_mg=offset.amount_mg,
            display=display(offset.amount_mg, language),
            interest_fen=offset.interest_fen,
            answer_by=offset.answer_by,
            created_at=offset.created_at,
        )


_FOR_BANK: dict[str, Any] = {
    "offset_id": _OFFSET["offset_id"],
    "bank_id": "jiangcheng",
    "quote_id": _OFFSET["quote_id"],
    "interest_fen": 9_000,
    "amount_mg": 45_000_000,
    "bank_status": "waiting",
    "bank_at": None,
    "answer_by": _OFFSET["answer_by"],
    "created_at": _OFFSET["created_at"],
}


class OffsetForBank(BaseModel):
    """A paid offset as its bank sees it. The quote's reference says whose it is."""

    model_config = ConfigDict(json_schema_extra={"example": _FOR_BANK})

    offset_id: uuid.UUID
    bank_id: str
    quote_id: str
    interest_fen: int = Field(description=_INTEREST)
    amount_mg: int
    bank_status: BankStatus
    bank_at: Instant | None
    answer_by: Instant
    created_at: Instant

    @classmethod
    def of(cls, offset: Offset) -> Self:
        assert offset.answer_by is not None
        return cls(
            offset_id=offset.offset_id,
            bank_id=offset.bank_id,
            quote_id=offset.quote_id,
            interest_fen=offset.interest_fen,
            amount_mg=offset.amount_mg,
            bank_status=offset.bank_status,
            bank_at=offset.bank_at,
            answer_by=offset.answer_by,
            created_at=offset.created_at,
        )


class OffsetForOperators(OffsetForBank):
    """A paid offset, without its person."""

    model_config = ConfigDict(
        json_schema_extra={"example": {**_FOR_BANK, "status": "accepted", "budget_id": "loans-jiangcheng"}}
    )

    status: OffsetStatus
    budget_id: str

    @classmethod
    def of(cls, offset: Offset) -> Self:
        shown = OffsetForBank.of(offset)
        return cls(**shown.model_dump(), status=offset.status, budget_id=offset.budget_id)


class SettledLine(BaseModel):
    """What a bank has confirmed on one day, to be paid from one budget."""

    bank_id: str
    budget_id: str
    day: date
    offsets: int
    amount_mg: int
    interest_fen: int


class Settled(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "month": "2026-11",
                "offsets": 2,
                "amount_mg": 90_000_000,
                "interest_fen": 18_000,
                "items": [
                    {
                        "bank_id": "jiangcheng",
                        "budget_id": "loans-jiangcheng",
                        "day": "2026-11-27",
                        "offsets": 2,
                        "amount_mg": 90_000_000,
                        "interest_fen": 18_000,
                    }
                ],
            }
        }
    )

    month: str
    offsets: int
    amount_mg: int
    interest_fen: int
    items: list[SettledLine]

    @classmethod
    def of(cls, month: str, rows: Sequence[Any]) -> Self:
        items = [
            SettledLine(
                bank_id=row.bank_id,
                budget_id=row.budget_id,
                day=row.day,
                offsets=row.offsets,
                amount_mg=int(row.amount_mg),
                interest_fen=int(row.interest_fen),
            )
            for row in rows
        ]
        return cls(
            month=month,
            offsets=sum(line.offsets for line in items),
            amount_mg=sum(line.amount_mg for line in items),
            interest_fen=sum(line.interest_fen for line in items),
            items=items,
        )
