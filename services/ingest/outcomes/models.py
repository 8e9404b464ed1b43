"""Tables of the feed of verdicts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
)

from services.ingest.database import metadata

outcome_feed = Table(
    "outcome_feed",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("last_position", BigInteger, nullable=False, server_default="0", comment="of the newest verdict"),
    Column("deleted_through", BigInteger, nullable=False, server_default="0", comment="older verdicts are not kept"),
    Column(
        "parked_wanted", Boolean, nullable=False, server_default="false", comment="the webhook gets parked verdicts"
    ),
    Column("webhook_after", BigInteger, comment="the webhook stopped, or catches up, after this position"),
    Column("webhook_through", BigInteger, comment="where catching up ends; null while the address is disabled"),
    CheckConstraint("webhook_through IS NULL OR webhook_after IS NOT NULL", name="webhook"),
)

# A row holds the verdicts of one poll, at most BLOCK_ITEMS_MAX. A row for each verdict would cost ten times as much.
outcome_block = Table(
    "outcome_block",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("last_position", BigInteger, primary_key=True),
    Column("verdicts", Integer, nullable=False, comment="their positions end with last_position, without a gap"),
    Column("items", LargeBinary, nullable=False, comment="JSON array, deflated"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("verdicts > 0 AND verdicts <= last_position", name="verdicts"),
)
Index("ix_outcome_block_created_at", outcome_block.c.created_at)

bulk_receipts = Table(
    "bulk_receipts",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("first_receipt", Uuid, primary_key=True),
    Column("last_receipt", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
