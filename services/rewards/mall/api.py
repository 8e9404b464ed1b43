"""Operators' routes of items."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.rewards.approvals.schemas import ProposalView, ReasonOnly
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.domain import ItemStatus
from services.rewards.database import SCHEMA
from services.rewards.mall import service
from services.rewards.mall.schemas import ItemContent, ItemDetail, ItemDraft, StockChange
from services.rewards.slugs import SLUG_PATTERN, SlugPath, slug
from services.rewards.vouchers.sealing import CodeSealer
from shared import idempotency
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/ops/items", tags=["运营 Operations"])

_STOCK_ROUTE = "/api/v1/rewards/ops/items/{item_id}/stock"
MallOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]


@router.get("", summary="全部商品，含草稿与已下架 · All items")
async def list_all_items(
    session: Session,
    _operator: MallOperator,
    status: ItemStatus | None = None,
    budget_id: Annotated[str | None, Query(pattern=SLUG_PATTERN)] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ItemDetail]:
    after = position_of(cursor, slug)
    rows = await catalogue.list_all(session, status=status, budget_id=budget_id, after=after, limit=limit + 1)
    return Page.of(rows, limit, item=ItemDetail.of, cursor=lambda item: (item.item_id,))


@router.get("/{item_id}", summary="一件商品 · One item")
async def get_any_item(session: Session, _operator: MallOperator, item_id: SlugPath) -> ItemDetail:
    return ItemDetail.of(await catalogue.get_any_item(session, item_id=item_id))


@router.post("", status_code=201, summary="新建草稿 · Draft an item")
async def create_item(session: Session, operator: MallOperator, body: ItemDraft) -> ItemDetail:
    """草稿只有运营人员看得到，没有库存。Only operators see a draft. It has no stock."""
    item = await service.create_draft(
        session, item_id=body.item_id, content=body.to_json(), reason=body.reason, operator=operator.subject
    )
    return ItemDetail.of(item)


@router.put("/{item_id}", summary="修改草稿 · Change a draft")
async def edit_item(session: Session, operator: MallOperator, item_id: SlugPath, body: ItemContent) -> ItemDetail:
    """已上架的请用 `changes`。For drafts and withdrawn items; use `changes` for a published one."""
    item = await service.edit_draft(
        session, item_id=item_id, content=body.to_json(), reason=body.reason, operator=operator.subject
    )
    return ItemDetail.of(item)


@router.post("/{item_id}/publish", status_code=202, summary="提议上架 · Propose the publication")
async def propose_publication(
    session: Session, approvals: RequestApprovals, operator: MallOperator, item_id: SlugPath, body: ReasonOnly
) -> ProposalView:
    """由另一人在 `/ops/proposals` 批准后上架；提议之后草稿若有改动，须重新提议。
    A second person approves it under `/ops/proposals`. A change of the draft in between makes the proposal void."""
    return ProposalView.of(
        await service.propose_publication(session, approvals, item_id=item_id, reason=body.reason, operator=operator)
    )


@router.post("/{item_id}/changes", status_code=202, summary="提议修改已上架商品 · Propose a change of a published item")
async def propose_item_change(
    session: Session, approvals: RequestApprovals, operator: MallOperator, item_id: SlugPath, body: ItemContent
) -> ProposalView:
    """改价只影响之后的订单。由另一人批准后生效。A new price is for later orders only. A second person approves it."""
    return ProposalView.of(
        await service.propose_change(
            session, approvals, item_id=item_id, content=body.to_json(), reason=body.reason, operator=operator
        )
    )


@router.post("/{item_id}/withdraw", summary="下架 · Withdraw an item")
async def withdraw_item(session: Session, operator: MallOperator, item_id: SlugPath, body: ReasonOnly) -> ItemDetail:
    """立即生效，已有订单与券不受影响；重新上架须两人。At once. Orders and vouchers stay; two publish it again."""
    return ItemDetail.of(
        await service.withdraw(session, item_id=item_id, reason=body.reason, operator=operator.subject)
    )


@router.post("/{item_id}/stock", summary="增减库存 · Raise or lower the stock")
async def change_item_stock(
    session: Session,
    request: Request,
    response: Response,
    operator: MallOperator,
    item_id: SlugPath,
    key: idempotency.OptionalKey,
    body: StockChange,
) -> ItemDetail:
    """自有券码的商品；合作方的券码请导入。带 Idempotency-Key 重发时只改一次。

    For items with codes of our own; import those of a partner. Send an Idempotency-Key: a repeat then counts once.
    """
    sealer: CodeSealer = request.app.state.sealer
    claim = {"schema": SCHEMA, "subject": f"operator:{operator.subject}", "route": _STOCK_ROUTE}
    if key is not None and (known := await idempotency.begin(session, **claim, key=key)):
        response.headers[idempotency.REPLAYED_HEADER] = "true"
        return ItemDetail.model_validate(known.body)
    item = await service.change_stock(
        session,
        sealer=sealer,
        item_id=item_id,
        pieces=body.pieces,
        reason=body.reason,
        operator=operator.subject,
    )
    detail = ItemDetail.of(item)
    if key is not None:
        await idempotency.finish(session, **claim, key=key, status=200, body_json=detail.model_dump_json())
    return detail
