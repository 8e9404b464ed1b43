"""The table of public names. A row is the donor's consent; without it nobody sees a name."""

from sqlalchemy import CheckConstraint, Column, DateTime, Table, Text, Uuid, func

from services.rewards.database import metadata

donor_name = Table(
    "donor_name",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("agreed_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    CheckConstraint("char_length(name) BETWEEN 1 AND 20", name="name"),
)
