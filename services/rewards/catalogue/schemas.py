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
                "images": [],
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
    images: list[str]

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
        )
