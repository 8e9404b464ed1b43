"""HTTP models of operators about items."""

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.rewards.approvals.schemas import ReasonOnly
from services.rewards.catalogue.domain import ItemStatus
from services.rewards.catalogue.service import Item
from services.rewards.pictures.domain import SHA256_PATTERN, path_of
from services.rewards.sentences import fields
from services.rewards.slugs import SLUG_PATTERN
from shared.errors import InvalidValue
from shared.instants import Instant

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
LIMIT_MAX = 10_000
PRICE_MG_MAX = 10**12
PRICE_FEN_MAX = 10**9
PIECES_MAX = 10_000
_PER_PERSON = Field(None, ge=1, le=LIMIT_MAX, strict=True)
_YEARS = range(2020, 2101)

_CONTENT_EXAMPLE: dict[str, Any] = {
    "title_zh": "一碗热干面",
    "title_en": "A bowl of hot dry noodles",
    "description_zh": "凭券在合作门店兑换一碗。",
    "description_en": "One bowl at a partner shop.",
    "category": "food",
    "pictures": ["9f86d081" * 8],
    "price_mg": 5_000_000,
    "price_fen": 1_000,
    "value_fen": 1_000,
    "budget_id": "reganmian-guozao",
    "per_user_limit": 10,
    "per_day": 1,
    "per_month": 4,
    "promotion": "spring-2027",
    "per_promotion": 2,
    "sale_starts_at": "2027-03-01T00:00:00+08:00",
    "sale_ends_at": "2027-04-01T00:00:00+08:00",
    "shops": ["caiji-jianghan-road"],
    "reason": "春季活动",
}


class ItemContent(ReasonOnly):
    """Everything of an item but its stock."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _CONTENT_EXAMPLE})

    title_zh: Title
    title_en: Title
    description_zh: Description = ""
    description_en: Description = ""
    category: Slug
    pictures: list[Sha256] = Field([], max_length=8, description="图片的 SHA-256，先上传 Hashes of uploaded pictures")
    price_mg: int = Field(ge=1, le=PRICE_MG_MAX, strict=True, description="每件所需减碳量（毫克） What a citizen pays")
    price_fen: int = Field(ge=0, le=PRICE_FEN_MAX, strict=True, description="赞助方承担（分） What the sponsor pays")
    value_fen: int | None = Field(
        None, ge=0, le=PRICE_FEN_MAX, strict=True, description="门店售价（分），未知为空 Price in a shop; null: unknown"
    )
    budget_id: Slug
    per_user_limit: int | None = _PER_PERSON
    per_day: int | None = _PER_PERSON
    per_month: int | None = _PER_PERSON
    promotion: Slug | None = None
    per_promotion: int | None = _PER_PERSON
    sale_starts_at: AwareDatetime | None = None
    sale_ends_at: AwareDatetime | None = Field(None, description="不含此刻 Exclusive")
    shops: list[Slug] = Field([], max_length=200, description="可用门店，空为不限 Where it is valid; empty: everywhere")

    @model_validator(mode="after")
    def _check(self) -> Self:
        starts, ends = self.sale_starts_at, self.sale_ends_at
        if any(one is not None and one.year not in _YEARS for one in (starts, ends)):
            raise InvalidValue(fields.SALE_YEAR)
        if starts is not None and ends is not None and starts >= ends:
            raise InvalidValue(fields.SALE_WINDOW)
        if (self.promotion is None) != (self.per_promotion is None):
            raise InvalidValue(fields.PROMOTION)
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the content as the room keeps it: see `mall/domain.py`."""
        return {
            "title_zh": self.title_zh,
            "title_en": self.title_en,
            "description_zh": self.description_zh,
            "description_en": self.description_en,
            "category": self.category,
            "images": [path_of(sha256) for sha256 in dict.fromkeys(self.pictures)],
            "price_mg": self.price_mg,
            "price_fen": self.price_fen,
            "value_fen": self.value_fen,
            "budget_id": self.budget_id,
            "per_user_limit": self.per_user_limit,
            "day_limit": self.per_day,
            "month_limit": self.per_month,
            "promotion": self.promotion,
            "promotion_limit": self.per_promotion,
            "sale_starts_at": self.sale_starts_at and self.sale_starts_at.isoformat(),
            "sale_ends_at": self.sale_ends_at and self.sale_ends_at.isoformat(),
            "shops": sorted(set(self.shops)),
        }


class ItemDraft(ItemContent):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"item_id": "reganmian-spring", **_CONTENT_EXAMPLE}}
    )

    item_id: Slug


class StockChange(ReasonOnly):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"pieces": 200, "reason": "门店追加"}})

    pieces: int = Field(
        ge=-PIECES_MAX, le=PIECES_MAX, strict=True, description="加为正，减为负 Positive raises, negative lowers"
    )

    @model_validator(mode="after")
    def _is_a_change(self) -> Self:
        if self.pieces == 0:
            raise InvalidValue(fields.NO_PIECES)
        return self


class ItemDetail(BaseModel):
    """An item as operators see it."""

    item_id: str
    status: ItemStatus
    version: int = Field(description="每次改动加一 Raised by every change")
    published_at: Instant | None
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    category: str
    images: list[str]
    price_mg: int
    price_fen: int
    value_fen: int | None
    budget_id: str
    sponsor_id: str
    stock: int
    sold: int
    per_user_limit: int | None
    per_day: int | None
    per_month: int | None
    promotion: str | None
    per_promotion: int | None
    sale_starts_at: Instant | None
    sale_ends_at: Instant | None
    shops: list[str]

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls(
            item_id=item.item_id,
            status=item.status,
            version=item.version,
            published_at=item.published_at,
            title_zh=item.texts.title.zh,
            title_en=item.texts.title.en,
            description_zh=item.texts.description.zh,
            description_en=item.texts.description.en,
            category=item.category,
            images=list(item.images),
            price_mg=item.price_mg,
            price_fen=item.price_fen,
            value_fen=item.value_fen,
            budget_id=item.budget_id,
            sponsor_id=item.sponsor.sponsor_id,
            stock=item.stock,
            sold=item.sold,
            per_user_limit=item.per_user_limit,
            per_day=item.limits.per_day,
            per_month=item.limits.per_month,
            promotion=item.limits.promotion,
            per_promotion=item.limits.per_promotion,
            sale_starts_at=item.offer.starts_at,
            sale_ends_at=item.offer.ends_at,
            shops=list(item.shops),
        )
