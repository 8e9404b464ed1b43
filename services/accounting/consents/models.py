"""The newest consent of each person to each purpose, as accounts publishes them."""

from sqlalchemy import Column, DateTime, Integer, Table, Text, Uuid

from services.accounting.database import metadata

consent = Table(
    "consent",
    metadata,
    Column("account_id", Uuid, primary_key=True, comment="the person's"),
    Column("purpose", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), comment="may lie in the future"),
)
