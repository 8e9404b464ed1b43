"""Tables of reconciliation: runs, their sums by receiver, and the differences found."""

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

reconciliation_run = Table(
    "reconciliation_run",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("night", Date, unique=True, comment="local date of a nightly run; null: started by an operator"),
    Column("requested_by", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("finished_at", DateTime(timezone=True)),
    Column("position", Uuid, nullable=False, comment="all ids up to it are compared"),
    Column("compared", BigInteger, nullable=False, server_default="0"),
    Column("in_flight", BigInteger, nullable=False, server_default="0", comment="moved too recently to be compared"),
    Column("differing", BigInteger, nullable=False, server_default="0"),
    Column("last_error", Text, comment="why accounting could not be asked the last time"),
    Column("capture_again", Text, comment="the proposal by which two people let missing captures be repeated"),
)
reconciliation_total = Table(
    "reconciliation_total",
    metadata,
    Column("run_id", Uuid, ForeignKey("rewards.reconciliation_run.run_id", ondelete="CASCADE"), primary_key=True),
    Column("receiver", Text, primary_key=True, comment="redeemed:<sponsor> or donated:<campaign>"),
    Column("confirmed", Integer, nullable=False, comment="orders or donations here"),
    Column("confirmed_mg", BigInteger, nullable=False),
    Column("captured", Integer, nullable=False, comment="holds there"),
    Column("captured_mg", BigInteger, nullable=False),
)

reconciliation_difference = Table(
    "reconciliation_difference",
    metadata,
    Column("run_id", Uuid, ForeignKey("rewards.reconciliation_run.run_id", ondelete="CASCADE"), primary_key=True),
    Column("settlement_id", Uuid, primary_key=True),
    Column("difference", Text, nullable=False),
    Column("kind", Text, comment="order or donation; null: unknown here"),
    Column("account_id", Uuid),
    Column("status", Text),
    Column("amount_mg", BigInteger),
    Column("receiver", Text),
    Column("hold_account_id", Uuid),
    Column("hold_status", Text),
    Column("hold_amount_mg", BigInteger),
    Column("hold_receiver", Text),
    Column("posted_mg", BigInteger),
    Column("posted_to", Text),
    Column("result", Text, comment="of a repeated capture"),
    Column("result_at", DateTime(timezone=True)),
    CheckConstraint("(result IS NULL) = (result_at IS NULL)", name="result_at"),
)
Index(
    "ix_reconciliation_difference_missing",
    reconciliation_difference.c.run_id,
    reconciliation_difference.c.settlement_id,
    postgresql_where=text("difference = 'CAPTURE_MISSING' AND result IS NULL"),
)
