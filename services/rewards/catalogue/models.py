"""Tables of items and of their stock.

The stock has its own row: it changes with every order, the texts of an item hardly ever.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.rewards.database import metadata
from services.rewards.slugs import SLUG_PATTERN

# Functions of migration 0009. The database computes both columns, whoever writes the row.
_TEXTS = "title_zh, title_en, description_zh, description_en, category"

item = Table(
    "item",
    metadata,
    Column("item_id", Text, primary_key=True, comment="a slug chosen by the operator, stable for ever"),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("description_zh", Text, nullable=False, server_default=""),
    Column("description_en", Text, nullable=False, server_default=""),
    Column("category", Text, nullable=False),
    Column("images", JSONB, nullable=False, server_default=text("'[]'")),
    Column("price_mg", BigInteger, nullable=False, comment="what a citizen pays for one piece"),
    Column("price_fen", BigInteger, nullable=False, comment="what one piece costs its budget"),
    Column("budget_id", Text, ForeignKey("rewards.budget.budget_id"), nullable=False),
    Column("per_user_limit", Integer, comment="null: no limit"),
    Column("sale_starts_at", DateTime(timezone=True)),
    Column("sale_ends_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("status", Text, nullable=False, server_default="published"),
    Column("version", Integer, nullable=False, server_default="1", comment="raised by every change"),
    Column("value_fen", BigInteger, comment="the price of one piece in a shop; null: unknown"),
    Column("day_limit", Integer, comment="pieces per person and local day; null: no limit"),
    Column("month_limit", Integer, comment="pieces per person and local month; null: no limit"),
    Column("promotion", Text, comment="a slug: items of one promotion share its limit per person"),
    Column("promotion_limit", Integer, comment="pieces per person of all items of the promotion"),
    Column("shops", JSONB, nullable=False, server_default=text("'[]'")),
    Column("published_at", DateTime(timezone=True), server_default=func.now(), comment="null for a draft"),
    Column("search_text", Text, Computed(f"rewards.item_text({_TEXTS})", persisted=True)),
    Column("search_grams", ARRAY(Text), Computed(f"rewards.item_grams({_TEXTS})", persisted=True)),
    CheckConstraint(f"item_id ~ '{SLUG_PATTERN}' AND category ~ '{SLUG_PATTERN}'", name="slugs"),
    CheckConstraint("price_mg > 0 AND price_fen >= 0", name="prices"),
    CheckConstraint("per_user_limit > 0", name="per_user_limit"),
    CheckConstraint("sale_starts_at < sale_ends_at", name="sale_window"),
    CheckConstraint("status IN ('draft', 'published', 'withdrawn')", name="status"),
    CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_at"),
    CheckConstraint("value_fen >= 0", name="value_fen"),
    CheckConstraint("day_limit > 0 AND month_limit > 0 AND promotion_limit > 0", name="limits"),
    CheckConstraint(
        f"(promotion IS NULL) = (promotion_limit IS NULL) AND promotion ~ '{SLUG_PATTERN}'", name="promotion"
    ),
)
_PUBLISHED = text("status = 'published'")
Index("ix_item_category", item.c.category, item.c.item_id)
Index("ix_item_search", item.c.search_grams, postgresql_using="gin")
Index("ix_item_price", item.c.price_mg, item.c.item_id, postgresql_where=_PUBLISHED)
Index("ix_item_newest", item.c.published_at, item.c.item_id, postgresql_where=_PUBLISHED)

item_stock = Table(
    "item_stock",
    metadata,
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), primary_key=True),
    Column("loaded", Integer, nullable=False, server_default="0", comment="all pieces ever put in"),
    Column("available", Integer, nullable=False, server_default="0"),
    Column("reserved", Integer, nullable=False, server_default="0", comment="in orders not settled yet"),
    Column("sold", Integer, nullable=False, server_default="0"),
    CheckConstraint("available >= 0 AND reserved >= 0 AND sold >= 0", name="not_negative"),
    CheckConstraint("available + reserved + sold = loaded", name="nothing_lost"),
    postgresql_with={"fillfactor": 50},
)
