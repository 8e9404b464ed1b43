"""The table of disputes. What a decision moves is in the settlement of a later day."""

from sqlalchemy import (
    BigInteger,
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

dispute = Table(
    "dispute",
    metadata,
    Column("dispute_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("merchant_id", Text, nullable=False),
    Column("shop_id", Text, ForeignKey("rewards.shop.shop_id"), nullable=False),
    Column("sponsor_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("order_id", Uuid, ForeignKey("rewards.orders.order_id"), nullable=False),
    Column("voucher_id", Uuid, nullable=False),
    Column("redemption_id", Uuid, comment="the one that stands, or that was undone; null: given back"),
    Column("report_id", Uuid, comment="of the till that had no line"),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    Column("fen", BigInteger, nullable=False, comment="the price of the piece"),
    Column("claim", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_day", Date),
    Column("decision", Text),
    Column("adjusted_fen", BigInteger, comment="what the shop gets more; negative: less"),
    Column("cleared_day", Date, comment="the day whose settlement has it"),
    CheckConstraint("kind IN ('double_use', 'given_back', 'merchant', 'sponsor')", name="kind"),
    CheckConstraint("status IN ('open', 'upheld', 'refused')", name="status"),
    CheckConstraint(
        "(status = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (adjusted_fen IS NULL)", name="decided"
    ),
    CheckConstraint("fen >= 0 AND abs(adjusted_fen) <= fen", name="within_price"),
)
Index(
    "uq_dispute_redemption",
    dispute.c.redemption_id,
    dispute.c.kind,
    unique=True,
    postgresql_where=text("report_id IS NULL"),
)
Index("uq_dispute_report", dispute.c.report_id, unique=True)
Index("ix_dispute_merchant", dispute.c.merchant_id, dispute.c.dispute_id)
Index("ix_dispute_open", dispute.c.dispute_id, postgresql_where=text("status = 'open'"))
Index("ix_dispute_uncleared", dispute.c.decided_day, postgresql_where=text("cleared_day IS NULL"))
