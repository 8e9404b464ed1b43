"""Tables of totals: credited acts by issuance account, counted from settled postings."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, Integer, SmallInteger, Table, Text, Uuid

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

largest_credit = Table(
    "largest_credit",
    metadata,
    Column("day", Date, primary_key=True, comment="local date of the posting"),
    Column("span", Text, primary_key=True, comment="credit: one posting; hour: all credits of an account in an hour"),
    Column("at", DateTime(timezone=True), primary_key=True, comment="of the posting, or the beginning of the hour"),
    Column("entry_id", Uuid, primary_key=True, comment="the posting, or the account"),
    Column("account_id", Uuid, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("acts", Integer, nullable=False),
    Column("activity_id", Uuid),
    CheckConstraint("span IN ('credit', 'hour')", name="span"),
)

largest_credit_state = Table(
    "largest_credit_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1"),
    Column("ranked_before", DateTime(timezone=True), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
