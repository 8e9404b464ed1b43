"""The table of reports: one row for each voucher that a till says it accepted without a line."""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Table, Text, UniqueConstraint, Uuid, func

from services.rewards.database import metadata

offline_report = Table(
    "offline_report",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("actor", Text, nullable=False, comment="the till"),
    Column("report_id", Uuid, nullable=False, comment="made by the till: a repeat changes nothing"),
    Column("merchant_id", Text, nullable=False),
    Column("shop_id", Text, ForeignKey("rewards.shop.shop_id"), nullable=False),
    Column("voucher_id", Uuid, comment="null: no code of ours"),
    Column("order_id", Uuid, ForeignKey("rewards.orders.order_id")),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    Column("reported_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("outcome", Text, nullable=False),
    Column("code", Text, comment="why it was refused"),
    Column("redemption_id", Uuid, comment="of this voucher, this till's or the earlier one"),
    Column("dispute_id", Uuid),
    UniqueConstraint("actor", "report_id"),
    CheckConstraint("outcome IN ('redeemed', 'known', 'double_use', 'given_back', 'refused')", name="outcome"),
    CheckConstraint("(outcome = 'refused') = (code IS NOT NULL)", name="code"),
    CheckConstraint("(outcome IN ('double_use', 'given_back')) = (dispute_id IS NOT NULL)", name="dispute"),
)
Index("ix_offline_report_shop", offline_report.c.shop_id, offline_report.c.entry_id)
