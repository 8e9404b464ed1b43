"""Table of corrections and cancellations: their inbox."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.accounting.database import metadata

correction = Table(
    "correction",
    metadata,
    Column("event_key", Uuid, primary_key=True, comment="same keys as activity.activity_id: one inbox for both"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("partner_id", Text, nullable=False),
    Column("original_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("report", JSONB, comment="only while waiting for the original"),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("sequence", SmallInteger, nullable=False, server_default="0", comment="of the last verdict; 0 = none"),
    Column("receipt_id", Uuid, comment="of the copy that counts; null in old rows"),
    Column("receipt_index", Integer),
    CheckConstraint("status IN ('waiting', 'applied', 'refused')", name="status"),
    CheckConstraint("(status = 'waiting') = (report IS NOT NULL)", name="report_only_while_waiting"),
)
Index(
    "ix_correction_waiting",
    correction.c.received_at,
    correction.c.event_key,
    postgresql_where=text("status = 'waiting'"),
)
