"""Tables of reconciliation: the partner's lines until they are compared, the report, and its differences."""

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Index, LargeBinary, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from services.ingest.database import metadata

reconciliation_line = Table(
    "reconciliation_line",
    metadata,
    Column("report_id", Uuid, primary_key=True),
    Column("line_no", BigInteger, primary_key=True),
    Column("event_key", Uuid, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("occurred_on", Date, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("act", JSONB, nullable=False),
)

reconciliation_report = Table(
    "reconciliation_report",
    metadata,
    Column("report_id", Uuid, primary_key=True, comment="the import that brought the partner's file"),
    Column("partner_id", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ours", JSONB, nullable=False),
    Column("theirs", JSONB, nullable=False),
    Column("differences", JSONB, nullable=False, comment="count of each kind"),
)
Index("ix_reconciliation_report_day_partner_id", reconciliation_report.c.day, reconciliation_report.c.partner_id)

reconciliation_difference = Table(
    "reconciliation_difference",
    metadata,
    Column("report_id", Uuid, ForeignKey(reconciliation_report.c.report_id, ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("line_no", BigInteger, primary_key=True, server_default="0", comment="0: not in their file"),
    Column("ours", JSONB),
    Column("theirs", JSONB),
)
