"""Tables of items and of their stock.

The stock has its own row: it changes with every order, the texts of an item hardly ever.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.rewards.database import metadata
from services.rewards.slugs import SLUG_PATTERN

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
    Column("on_sale", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(f"item_id ~ '{SLUG_PATTERN}' AND category ~ '{SLUG_PATTERN}'", name="slugs"),
    CheckConstraint("price_mg > 0 AND price_fen >= 0", name="prices"),
    CheckConstraint("per_user_limit > 0", name="per_user_limit"),
    CheckConstraint("sale_starts_at < sale_ends_at", name="sale_window"),
)
Index("ix_item_category", item.c.category, item.c.item_id)

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
