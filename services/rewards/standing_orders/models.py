"""Tables of standing orders and of their months."""

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
    Uuid,
    func,
    text,
)

from services.rewards.database import metadata

standing_order = Table(
    "standing_order",
    metadata,
    Column("standing_order_id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False, comment="the user's own"),
    Column("campaign_id", Text, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("day", Integer, nullable=False, comment="of the month; one that a month does not have is its last"),
    Column("months_left", Integer, comment="null: until the campaign is over"),
    Column("next_on", Date, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("end_reason", Text),
    Column("language", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("amount_mg > 0", name="amount_positive"),
    CheckConstraint("day BETWEEN 1 AND 31", name="day"),
    CheckConstraint("months_left >= 0", name="months_left"),
    CheckConstraint("status IN ('active', 'paused', 'ended')", name="status"),
    CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended_at"),
    CheckConstraint("(status = 'ended') = (end_reason IS NOT NULL)", name="end_reason"),
)
Index("ix_standing_order_due", standing_order.c.next_on, postgresql_where=text("status = 'active'"))
Index("ix_standing_order_user", standing_order.c.user_id, standing_order.c.standing_order_id)
Index("ix_standing_order_campaign", standing_order.c.campaign_id, postgresql_where=text("status <> 'ended'"))
Index(
    "uq_standing_order_live",
    standing_order.c.user_id,
    standing_order.c.campaign_id,
    unique=True,
    postgresql_where=text("status <> 'ended'"),
)

standing_run = Table(
    "standing_run",
    metadata,
    Column(
        "standing_order_id",
        Uuid,
        ForeignKey("rewards.standing_order.standing_order_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("month", Date, primary_key=True, comment="its first day: one donation a month, whatever crashes"),
    Column("due_on", Date, nullable=False),
    Column("status", Text, nullable=False, server_default="running"),
    Column("reason_code", Text, comment="why nothing was given in the month"),
    Column("donation_id", Uuid),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("done_at", DateTime(timezone=True)),
    CheckConstraint("extract(day FROM month) = 1", name="month"),
    CheckConstraint("status IN ('running', 'donated', 'skipped')", name="status"),
    CheckConstraint("(status = 'running') = (done_at IS NULL)", name="done_at"),
    CheckConstraint("(status = 'skipped') = (reason_code IS NOT NULL)", name="reason_code"),
    CheckConstraint("(status = 'donated') = (donation_id IS NOT NULL)", name="donation_id"),
)
Index("ix_standing_run_open", standing_run.c.next_attempt_at, postgresql_where=text("status = 'running'"))
