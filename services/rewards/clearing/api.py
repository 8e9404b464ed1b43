"""Routes of the daily settlement: for merchants their own, for operators all; as JSON, CSV and PDF."""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from services.rewards.clearing import service
from services.rewards.clearing.csv_file import COLUMNS, settlement_csv
from services.rewards.clearing.printing import Printer
from services.rewards.clearing.schemas import MerchantSettlement
from services.rewards.clearing.service import DaySettlement
from services.rewards.merchants import service as merchants
from services.rewards.merchants.callers import CallingMerchant
from services.rewards.slugs import SLUG_PATTERN
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.language import Language

router = APIRouter(prefix="/api/v1/rewards/merchant", tags=["收银台 Tills"])
ops_router = APIRouter(prefix="/api/v1/rewards/ops", tags=["商家 Merchants"])

MerchantsOperator = Annotated[Operator, Depends(require_scope(merchants.SCOPE))]
Day = Annotated[date, Query(description="本地日 Local day", examples=["2026-11-27"])]
Slug = Annotated[str | None, Query(pattern=SLUG_PATTERN)]
_AS_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": ",".join(COLUMNS) + "\r\n",
            }
        }
    }
}
_AS_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7"}}}
}


async def _own(session: Session, caller: CallingMerchant, day: Day) -> DaySettlement:
    """A till sees its shop, a merchant's key all its shops."""
    return await service.get_settlement(session, day=day, merchant_id=caller.merchant_id, shop_id=caller.shop_id)


async def _any(
    session: Session, _operator: MerchantsOperator, day: Day, merchant_id: Slug = None, shop_id: Slug = None
) -> DaySettlement:
    return await service.get_settlement(session, day=day, merchant_id=merchant_id, shop_id=shop_id)


OwnSettlement = Annotated[DaySettlement, Depends(_own, scope="function")]
AnySettlement = Annotated[DaySettlement, Depends(_any, scope="function")]


def _csv(found: DaySettlement, language: Language) -> Response:
    return Response(
        settlement_csv(found, language=language),
        media_type="text/csv; charset=utf-8",
        headers=_attached(found, "csv"),
    )


async def _pdf(request: Request, found: DaySettlement, language: Language) -> Response:
    printer: Printer = request.app.state.printer
    written = await printer.settlement(found, language=language)
    return Response(written, media_type="application/pdf", headers=_attached(found, "pdf"))


def _attached(found: DaySettlement, kind: str) -> dict[str, str]:
    name = f"settlement-{found.day.isoformat()}.{kind}"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


@router.get("/settlements", summary="日结 · The settlement of a day")
async def get_own_settlement(found: OwnSettlement, language: AskedLanguage) -> MerchantSettlement:
    """收银台只看本店，商家密钥看全部门店。A till sees its shop, a merchant's key all its shops."""
    return MerchantSettlement.of(found, language=language)


@router.get("/settlements.csv", summary="日结 CSV · The day as CSV", response_class=Response, responses=_AS_CSV)
async def get_own_settlement_csv(found: OwnSettlement, language: AskedLanguage) -> Response:
    return _csv(found, language)


@router.get("/settlements.pdf", summary="日结单 · The day as PDF", response_class=Response, responses=_AS_PDF)
async def get_own_settlement_pdf(request: Request, found: OwnSettlement, language: AskedLanguage) -> Response:
    return await _pdf(request, found, language)


@ops_router.get("/settlements", summary="商家日结 · The settlement of a day, of all merchants")
async def get_settlement(found: AnySettlement, language: AskedLanguage) -> MerchantSettlement:
    return MerchantSettlement.of(found, language=language)


@ops_router.get("/settlements.csv", summary="商家日结 CSV · As CSV", response_class=Response, responses=_AS_CSV)
async def get_settlement_csv(found: AnySettlement, language: AskedLanguage) -> Response:
    return _csv(found, language)


@ops_router.get("/settlements.pdf", summary="商家日结单 · As PDF", response_class=Response, responses=_AS_PDF)
async def get_settlement_pdf(request: Request, found: AnySettlement, language: AskedLanguage) -> Response:
    return await _pdf(request, found, language)
