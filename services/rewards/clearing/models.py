"""Tables of the daily settlement. A closed day never changes: what turns out later is in a later one."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
)

from services.rewards.database import metadata

clearing_day = Table(
    "clearing_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("closed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("pieces", Integer, nullable=False),
    Column("fen", BigInteger, nullable=False),
    Column("adjusted_fen", BigInteger, nullable=False, comment="of disputes that were decided"),
)

clearing_line = Table(
    "clearing_line",
    metadata,
    Column("day", Date, ForeignKey("rewards.clearing_day.day"), primary_key=True),
    Column("shop_id", Text, ForeignKey("rewards.shop.shop_id"), primary_key=True),
    Column("sponsor_id", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("merchant_id", Text, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("fen", BigInteger, nullable=False),
    Column("adjusted_fen", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("pieces >= 0 AND fen >= 0", name="not_negative"),
)
Index("ix_clearing_line_merchant", clearing_line.c.merchant_id, clearing_line.c.day)
