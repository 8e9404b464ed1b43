"""Routes of categories: the tabs of the mall for everybody, all of them for operators."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.rewards.categories import service
from services.rewards.categories.schemas import (
    CategoriesView,
    CategoryChange,
    CategoryDetail,
    CategoryDetails,
    CategoryView,
)
from services.rewards.categories.service import Category
from services.rewards.slugs import SlugPath
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.language import Text

router = APIRouter(prefix="/api/v1/rewards", tags=["商城 Mall"])
ops_router = APIRouter(prefix="/api/v1/rewards/ops/categories", tags=["运营 Operations"])

MallOperator = Annotated[Operator, Depends(require_scope("ops:rewards"))]


@router.get("/categories", summary="商品类别 · Categories")
async def list_categories(session: Session, language: AskedLanguage) -> CategoriesView:
    found = [one for one in await service.list_categories(session) if not one.hidden]
    return CategoriesView(items=[CategoryView.of(one, language=language) for one in found])


@ops_router.get("", summary="全部类别 · All categories")
async def list_all_categories(session: Session, _operator: MallOperator) -> CategoryDetails:
    """最多 100 个，不分页。At most 100, in one answer."""
    return CategoryDetails(items=[CategoryDetail.of(one) for one in await service.list_categories(session)])


@ops_router.put("/{category_id}", summary="新建或修改类别 · Make or change a category")
async def save_category(
    session: Session, operator: MallOperator, category_id: SlugPath, body: CategoryChange
) -> CategoryDetail:
    """不能删除，只能隐藏。A category is hidden, never deleted."""
    category = Category(category_id, Text(body.name_zh, body.name_en), body.position, body.hidden)
    return CategoryDetail.of(
        await service.save(session, category=category, reason=body.reason, operator=operator.subject)
    )
