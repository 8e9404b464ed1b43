"""The table of redemptions: each is one piece that a shop has handed out, and what the sponsor owes for it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from services.rewards.database import metadata

redemption = Table(
    "redemption",
    metadata,
    Column("redemption_id", Uuid, primary_key=True),
    Column("voucher_id", Uuid, ForeignKey("rewards.voucher.voucher_id"), nullable=False),
    Column("order_id", Uuid, ForeignKey("rewards.orders.order_id"), nullable=False),
    Column("item_id", Text, nullable=False),
    Column("merchant_id", Text, nullable=False),
    Column("shop_id", Text, ForeignKey("rewards.shop.shop_id"), nullable=False),
    Column("actor", Text, nullable=False, comment="the till, which alone may undo it"),
    Column("till_id", Uuid, comment="null: a merchant's own system"),
    Column("sponsor_id", Text, nullable=False),
    Column("fen", BigInteger, nullable=False, comment="what one piece cost its budget when it was ordered"),
    Column("redeemed_at", DateTime(timezone=True), nullable=False, comment="at the till"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("recorded_day", Date, nullable=False, comment="local day of the record: the day of the settlement"),
    Column("offline", Boolean, nullable=False, server_default=text("false")),
    Column("undone_at", DateTime(timezone=True)),
    Column("cleared_day", Date, comment="the day whose settlement has it; cannot be undone any more"),
    CheckConstraint("fen >= 0", name="fen"),
    CheckConstraint("undone_at IS NULL OR cleared_day IS NULL", name="one_end"),
)
# The second lock: whatever the code does, a voucher has one redemption.
Index("uq_redemption_voucher", redemption.c.voucher_id, unique=True, postgresql_where=text("undone_at IS NULL"))
Index("ix_redemption_day", redemption.c.recorded_day, redemption.c.shop_id)
Index(
    "ix_redemption_open", redemption.c.recorded_day, postgresql_where=text("undone_at IS NULL AND cleared_day IS NULL")
)
Index("ix_redemption_shop", redemption.c.shop_id, redemption.c.redemption_id)
