"""HTTP models of categories."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.categories.service import Category
from shared.language import Language

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")]


class CategoryView(BaseModel):
    category_id: str
    name: str = Field(description="按 Accept-Language In the language of Accept-Language")

    @classmethod
    def of(cls, category: Category, *, language: Language) -> Self:
        return cls(category_id=category.category_id, name=category.name.pick(language))


class CategoriesView(BaseModel):
    items: list[CategoryView] = Field(description="按商城的顺序 In the order of the mall")


class CategoryChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name_zh": "过早", "name_en": "Breakfast", "position": 10, "hidden": False, "reason": "新类别"}
        },
    )

    name_zh: Name
    name_en: Name
    position: int = Field(0, ge=0, le=10_000, strict=True, description="小的在前 Small ones first")
    hidden: bool = Field(default=False, description="隐藏后不在商城显示 A hidden one is no tab of the mall")
    reason: Reason


class CategoryDetail(BaseModel):
    category_id: str
    name_zh: str
    name_en: str
    position: int
    hidden: bool

    @classmethod
    def of(cls, category: Category) -> Self:
        return cls(
            category_id=category.category_id,
            name_zh=category.name.zh,
            name_en=category.name.en,
            position=category.position,
            hidden=category.hidden,
        )


class CategoryDetails(BaseModel):
    items: list[CategoryDetail]
