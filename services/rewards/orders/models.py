"""Orders, and how many pieces of an item a user has taken."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from services.rewards.database import metadata
from services.rewards.orders.domain import QUANTITY_MAX
from services.rewards.settlement.columns import index_open, settlement_columns

orders = Table(
    "orders",
    metadata,
    *settlement_columns("order_id"),
    Column("client_request_id", Text, nullable=False),
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price_mg", BigInteger, nullable=False, comment="per piece, as it was when ordered"),
    Column("budget_id", Text, nullable=False),
    Column("cost_fen", BigInteger, nullable=False, comment="all pieces"),
    # For ever: an order repeated after its idempotency key was purged must not spend twice.
    UniqueConstraint("user_id", "client_request_id"),
    CheckConstraint(f"quantity BETWEEN 1 AND {QUANTITY_MAX}", name="quantity"),
    CheckConstraint("amount_mg = price_mg * quantity", name="amount"),
)
index_open(orders)
Index("ix_orders_user", orders.c.user_id, orders.c.order_id)

item_taken = Table(
    "item_taken",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), primary_key=True),
    Column("taken", Integer, nullable=False, comment="pieces in orders that are not cancelled"),
    Column("limit_quantity", Integer, comment="the item's limit when it was last used; null: none"),
    CheckConstraint("taken >= 0", name="not_negative"),
    CheckConstraint("taken <= limit_quantity", name="within_limit"),
)
