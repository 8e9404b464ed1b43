"""The table of mandates for pooling, as accounts publishes them."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from services.accounting.database import metadata

mandate = Table(
    "mandate",
    metadata,
    Column("mandate_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("account_id", Uuid, nullable=False, comment="the person's"),
    Column("platform_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scenes", JSONB, nullable=False),
    Column("terms_version", Text, nullable=False),
    Column("terms_sha256", Text, nullable=False),
    Column("threshold_mg", BigInteger, comment="at most in a calendar year; null: no limit"),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
)
Index("ix_mandate_account", mandate.c.account_id)
