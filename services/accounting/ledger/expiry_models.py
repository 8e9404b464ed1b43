"""Tables of the expiry of grams: closed years, and people who have grams of a closed year left."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, DateTime, Index, Integer, Table, Uuid, text

from services.accounting.database import metadata
from services.accounting.ledger.models import posting

gram_period = Table(
    "gram_period",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("position", Uuid, comment="people up to this account id have been looked at"),
    Column("closed_at", DateTime(timezone=True)),
)

gram_year = Table(
    "gram_year",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column(
        "received_mg",
        BigInteger,
        nullable=False,
        comment="all that ever became available to the person by the end of the year, whatever became of it",
    ),
    Column("expired_mg", BigInteger, nullable=False, server_default="0"),
    Column("looked_on", Date, comment="day of the last run that considered it"),
    Column("done", Boolean, nullable=False, server_default="false", comment="nothing of it is left, nor held"),
    CheckConstraint("received_mg > 0 AND expired_mg >= 0", name="amounts"),
    postgresql_with={"fillfactor": 80},
)
Index("ix_gram_year_open", gram_year.c.year, gram_year.c.account_id, postgresql_where=text("NOT done"))
# `requested_by` carries the day of the run: a person's grams of one year expire at most once a day.
Index(
    "uq_posting_expire_of_day",
    posting.c.debit_account_id,
    posting.c.credit_account_id,
    posting.c.requested_by,
    unique=True,
    postgresql_where=text("kind = 'expire'"),
)
