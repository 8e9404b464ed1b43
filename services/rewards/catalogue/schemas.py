"""HTTP models of the catalogue."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.catalogue.service import Item
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language


class SaleWindow(BaseModel):
    starts_at: Instant | None
    ends_at: Instant | None
    open: bool = Field(description="现在可兑换 Can be redeemed now")


class LimitsView(BaseModel):
    """Pieces per person. Null: no such limit."""

    per_day: int | None = Field(description="每天 Per local day")
    per_month: int | None = Field(description="每月 Per local month")
    promotion: str | None = Field(description="所属促销活动 The promotion whose items are counted together")
    per_promotion: int | None = Field(description="该活动内合计 Of all items of the promotion")


class SponsorView(BaseModel):
    sponsor_id: str
    name: str


class ItemView(BaseModel):
    """An item of the mall."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "item_id": "reganmian",
                "title": "一碗热干面",
                "description": "凭券在合作门店兑换一碗。",
                "category": "food",
                "price_mg": 5_000_000,
                "display": "5.00 千克",
                "stock": 873,
                "per_user_limit": 1,
                "sale_window": {"starts_at": None, "ends_at": None, "open": True},
                "sponsor": {"sponsor_id": "wuhan-breakfast", "name": "过早联盟"},
                "images": [f"/api/v1/rewards/pictures/{'9f86d081' * 8}"],
                "value_fen": 1_000,
                "limits": {"per_day": 1, "per_month": 4, "promotion": None, "per_promotion": None},
                "shops": ["caiji-jianghan-road"],
            }
        }
    )

    item_id: str
    title: str = Field(description="按 Accept-Language 给出中文或英文 In the language of Accept-Language")
    description: str
    category: str
    price_mg: int = Field(description="每件所需减碳量（毫克） Milligrams for one piece")
    display: str
    stock: int = Field(description="可兑数量 Pieces left")
    per_user_limit: int | None = Field(description="每人限兑，空为不限 Null: no limit")
    sale_window: SaleWindow
    sponsor: SponsorView
    images: list[str] = Field(description="图片地址，内容不变，可长期缓存 Addresses whose content never changes")
    value_fen: int | None = Field(description="门店售价（分），未知为空 Price in a shop, in fen; null: unknown")
    limits: LimitsView
    shops: list[str] = Field(description="可用门店，空为不限 Shops where it is valid; empty: everywhere")

    @classmethod
    def of(cls, item: Item, *, language: Language, instant: datetime) -> "ItemView":
        return cls(
            item_id=item.item_id,
            title=item.texts.title.pick(language),
            description=item.texts.description.pick(language),
            category=item.category,
            price_mg=item.price_mg,
            display=display(item.price_mg, language),
            stock=item.stock,
            per_user_limit=item.per_user_limit,
            sale_window=SaleWindow(
                starts_at=item.offer.starts_at, ends_at=item.offer.ends_at, open=item.offer.open_at(instant)
            ),
            sponsor=SponsorView(
                sponsor_id=item.sponsor.sponsor_id,
                name=item.sponsor.name.pick(language),
            ),
            images=list(item.images),
            value_fen=item.value_fen,
            limits=LimitsView(
                per_day=item.limits.per_day,
                per_month=item.limits.per_month,
                promotion=item.limits.promotion,
                per_promotion=item.limits.per_promotion,
            ),
            shops=list(item.shops),
        )
