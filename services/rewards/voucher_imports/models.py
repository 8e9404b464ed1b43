"""The table of imports. It holds no code: a line is named by its number."""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from services.rewards.database import metadata

voucher_import = Table(
    "voucher_import",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("added", Integer, nullable=False),
    Column("known", Integer, nullable=False),
    Column("repeated", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("report", JSONB, nullable=False, comment="[line, state] of lines that were not added, at most 1,000"),
    Column("imported_by", Text, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    CheckConstraint("added >= 0 AND known >= 0 AND repeated >= 0 AND refused >= 0", name="not_negative"),
)
Index("ix_voucher_import_item", voucher_import.c.item_id, voucher_import.c.import_id)
