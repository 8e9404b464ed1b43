"""Tables of the methodology library: published documents and factors. Their content never changes."""

from sqlalchemy import CheckConstraint, Column, Date, DateTime, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from services.accounting.database import metadata

methodology_version = Table(
    "methodology_version",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("effective_to", Date),
    Column("retired_from", Date, comment="the end that its own retirement set; a successor may end it earlier"),
    Column("document", JSONB, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('published', 'retired')", name="status"),
    CheckConstraint("(status = 'retired') = (retired_from IS NOT NULL)", name="retired"),
    CheckConstraint("effective_to IS NULL OR effective_to >= effective_from", name="interval"),
)

factor = Table(
    "factor",
    metadata,
    Column("factor_id", Text, primary_key=True),
    Column("vintage", Integer, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
