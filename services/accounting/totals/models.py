"""Tables of totals: credited acts by issuance account, counted from settled postings."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, SmallInteger, Table, Uuid

from services.accounting.database import metadata

credit_count = Table(
    "credit_count",
    metadata,
    Column("account_id", Uuid, primary_key=True, comment="of an issuance account"),
    Column("acts", BigInteger, nullable=False, comment="credited by it so far, those reversed taken off"),
)

credit_count_state = Table(
    "credit_count_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1"),
    Column("counted_before", DateTime(timezone=True), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
