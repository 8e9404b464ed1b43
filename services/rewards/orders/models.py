"""Tables of orders and of the pieces that a user has taken of an item."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from services.rewards.database import REFUSED, index_open, metadata, settlement_columns
from services.rewards.orders.domain import QUANTITY_MAX

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
    Column(
        "kept_fen",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="pieces that were used before the order was refunded: their sponsor pays them",
    ),
    Column(
        "windows",
        Text,
        nullable=False,
        server_default="",
        comment="the keys of window_taken that it counts in, with spaces between them",
    ),
    CheckConstraint(f"quantity BETWEEN 1 AND {QUANTITY_MAX}", name="quantity"),
    CheckConstraint("amount_mg = price_mg * quantity", name="amount"),
    CheckConstraint("kept_fen BETWEEN 0 AND cost_fen", name="kept_fen"),
)
index_open(orders)
# Permanent: an order repeated after the deletion of its idempotency key must not spend twice. A refusal frees the id.
Index(
    "uq_orders_client_request",
    orders.c.user_id,
    orders.c.client_request_id,
    unique=True,
    postgresql_where=text(f"NOT ({REFUSED})"),
)
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

# Only orders of items with such a limit have rows here, so that the others pay nothing for it.
window_taken = Table(
    "window_taken",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("window_key", Text, primary_key=True, comment="day, month or promotion: see catalogue/domain.py"),
    Column("taken", Integer, nullable=False, comment="pieces in orders that are not cancelled"),
    Column("limit_quantity", Integer, nullable=False, comment="the limit when it was last used"),
    CheckConstraint("taken >= 0", name="not_negative"),
    CheckConstraint("taken <= limit_quantity", name="within_limit"),
)
