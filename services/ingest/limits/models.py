"""The table of events per partner and day."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Table, Text

from services.ingest.database import metadata

partner_usage = Table(
    "partner_usage",
    metadata,
    Column("partner_id", Text, ForeignKey("ingest.partner.partner_id"), primary_key=True),
    Column("day", Date, primary_key=True, comment="where the programme lives"),
    Column("events", BigInteger, nullable=False),
)
