"""HTTP models of a till without a line."""

import uuid
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.rewards.offline_reports.domain import REPORTED_WITHIN, REPORTS_MAX, SPAN, ReportOutcome
from services.rewards.redemptions.schemas import AtTill, Qr
from shared.contracts.bounds import EARLIEST, LATEST
from shared.instants import Instant
from shared.openapi.closed import one_of

_ID: Final = "019aadf0-7400-7000-8000-000000000001"
_AT: Final = "2026-11-27T09:30:00+08:00"
_CODES: Final = (
    "VOUCHER_NOT_FOUND",
    "OFFLINE_NOT_IN_TIME",
    "VOUCHER_CODE_STALE",
    "VOUCHER_NOT_TAKEN_HERE",
    "VOUCHER_EXPIRED",
)
Time = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]


class AcceptedVoucher(BaseModel):
    model_config = ConfigDict(extra="forbid")

    report_id: uuid.UUID = Field(description="收银台自定；重复上报无害 Made by the till; a repeat changes nothing")
    qr: Qr
    accepted_at: Time


class OfflineReport(AtTill):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "line_lost_at": _AT,
                "accepted": [{"report_id": _ID, "qr": "CIV1.AZqt8Gwe.AQ", "accepted_at": "2026-11-27T09:32:00+08:00"}],
            }
        },
    )

    line_lost_at: Time = Field(description="断网时间；此后 10 分钟内可收 Codes are accepted for ten minutes from then")
    accepted: list[AcceptedVoucher] = Field(min_length=1, max_length=REPORTS_MAX)


_RESULT: Final[dict[str, Any]] = {
    "report_id": _ID,
    "outcome": "redeemed",
    "code": None,
    "redemption_id": "019aadf0-7200-7000-8000-000000000001",
    "dispute_id": None,
}


class ReportResult(BaseModel):
    """`double_use` and `given_back` are disputes; `known` is this till's own redemption."""

    report_id: uuid.UUID
    outcome: ReportOutcome
    code: Annotated[str, one_of(_CODES)] | None = Field(description="拒绝原因 Why it was refused")
    redemption_id: uuid.UUID | None
    dispute_id: uuid.UUID | None

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ReportResults(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"results": [_RESULT]}})

    results: list[ReportResult]


class ReportView(ReportResult):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_RESULT,
                "entry_id": _ID,
                "merchant_id": "guozao",
                "shop_id": "guozao-hubu",
                "voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d",
                "accepted_at": _AT,
                "reported_at": "2026-11-27T09:45:00+08:00",
            }
        }
    )

    entry_id: uuid.UUID
    merchant_id: str
    shop_id: str
    voucher_id: uuid.UUID | None
    accepted_at: Instant
    reported_at: Instant


class SigningKey(BaseModel):
    version: int
    public_key: str = Field(description="Ed25519，base64 Ed25519, raw, in base64")


class TillSettings(BaseModel):
    """What a till keeps, so that it can check codes itself for ten minutes without a line."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "merchant_id": "guozao",
                "shop_id": "guozao-hubu",
                "item_ids": ["reganmian"],
                "signing_keys": [{"version": 1, "public_key": "uJ0kq2v4o8mF1Xw6xkq1nV1c8w0b0k1mN2c3d4e5f6g="}],
                "offline_for_s": 600,
                "report_within_s": 86_400,
                "server_time": _AT,
            }
        }
    )

    merchant_id: str
    shop_id: str | None = Field(description="用密钥调用时为空 Null for a merchant's key")
    item_ids: list[str] = Field(description="本店可收的商品 Items that the shop takes")
    signing_keys: list[SigningKey]
    offline_for_s: int = int(SPAN.total_seconds())
    report_within_s: int = int(REPORTED_WITHIN.total_seconds())
    server_time: Instant
