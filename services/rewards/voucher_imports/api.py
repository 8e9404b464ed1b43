"""Operators' routes of imports and pools."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.rewards.slugs import SLUG_PATTERN
from services.rewards.voucher_imports import service
from services.rewards.voucher_imports.schemas import CSV_BODY, ImportReport, ImportView, PoolList
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.errors import UnsupportedMediaType
from shared.media_types import parse_media_type
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

PATH = "/api/v1/rewards/ops/voucher-imports"
router = APIRouter(prefix="/api/v1/rewards/ops", tags=["运营 Operations"])

RewardsOperator = Annotated[Operator, Depends(require_scope("ops:rewards"))]
ItemId = Annotated[str, Query(pattern=SLUG_PATTERN, examples=["reganmian"])]
Why = Annotated[str, Query(min_length=2, max_length=500, pattern=r"^[^\x00]+$", examples=["商家第一批券码"])]


@router.post(
    "/voucher-imports",
    status_code=201,
    summary="导入商家券码 · Import codes of a merchant",
    openapi_extra={"requestBody": CSV_BODY},
)
async def import_voucher_codes(
    session: Session, request: Request, operator: RewardsOperator, item_id: ItemId, reason: Why
) -> ImportReport:
    """CSV，至多 1 MiB、20000 行；重复导入不会重复入库。At most 1 MiB and 20,000 lines. A second import adds nothing."""
    media_type = parse_media_type(request.headers.get("content-type", ""))
    if media_type is None or media_type.name != "text/csv":
        raise UnsupportedMediaType(allowed="text/csv")
    row = await service.import_codes(
        session,
        sealer=request.app.state.sealer,
        item_id=item_id,
        content=await request.body(),
        operator=operator.subject,
        reason=reason,
    )
    return ImportReport.of_report(row)


@router.get("/voucher-imports", summary="导入记录 · Imports")
async def list_voucher_imports(
    session: Session,
    _operator: RewardsOperator,
    item_id: Annotated[str | None, Query(pattern=SLUG_PATTERN)] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ImportView]:
    rows = await service.list_imports(session, item_id=item_id, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=ImportView.of, cursor=lambda row: (row.import_id,))


@router.get("/voucher-imports/{import_id}", summary="一次导入的逐行结果 · An import with its lines")
async def get_voucher_import(session: Session, _operator: RewardsOperator, import_id: uuid.UUID) -> ImportReport:
    return ImportReport.of_report(await service.get_import(session, import_id=import_id))


@router.get("/voucher-pools", summary="券池与低库存 · Pools, and which run out")
async def list_voucher_pools(
    session: Session,
    _operator: RewardsOperator,
    low: Annotated[bool, Query(description="只看快用完的 Only those that run out")] = False,
) -> PoolList:
    return PoolList.of(await service.list_pools(session, only_low=low))
