"""The table of certificates. Its rows are never changed."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Table, Text, Uuid

from services.rewards.database import metadata

certificate = Table(
    "certificate",
    metadata,
    Column("certificate_no", Text, primary_key=True),
    Column("donation_id", Uuid, nullable=False, unique=True),
    Column("campaign_id", Text, nullable=False),
    Column("campaign_zh", Text, nullable=False, comment="the title as it was when the certificate was issued"),
    Column("campaign_en", Text, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("certificate_no ~ '^[0-9]{20}$'", name="certificate_no"),
    CheckConstraint("amount_mg > 0", name="amount_positive"),
)
