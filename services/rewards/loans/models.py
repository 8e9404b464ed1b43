"""Tables of quotes, offsets, and the fen of a person in a month. Of a loan nothing is kept but the bank's reference."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from services.rewards.database import index_open, metadata, settlement_columns

loan_quote = Table(
    "loan_quote",
    metadata,
    Column("bank_id", Text, ForeignKey("rewards.bank.bank_id"), primary_key=True),
    Column("quote_id", Text, primary_key=True, comment="the bank's reference"),
    Column("customer_ref", Text, nullable=False, comment="names a citizen to this bank only"),
    Column("interest_fen", BigInteger, nullable=False, comment="the most that may be offset"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    CheckConstraint("interest_fen > 0", name="interest_positive"),
)
Index("ix_loan_quote_customer", loan_quote.c.customer_ref)
Index("ix_loan_quote_end", loan_quote.c.expires_at)

# An offset that was refused before anything was spent leaves its quote free.
OFFSET_REFUSED = "status = 'cancelled' AND reason_code NOT IN ('BANK_REFUSED', 'BANK_SILENT')"

loan_offset = Table(
    "loan_offset",
    metadata,
    *settlement_columns("offset_id"),
    Column("bank_id", Text, ForeignKey("rewards.bank.bank_id"), nullable=False),
    Column("quote_id", Text, nullable=False),
    Column("budget_id", Text, nullable=False),
    Column("cost_fen", BigInteger, nullable=False, comment="of interest"),
    Column("month", Text, nullable=False, comment="the local month that it counts in"),
    Column("bank_status", Text, nullable=False, server_default="waiting"),
    Column("bank_at", DateTime(timezone=True), comment="when the bank answered, or was given up"),
    Column("answer_hours", Integer, nullable=False),
    Column("answer_by", DateTime(timezone=True), comment="set when the grams are spent"),
    CheckConstraint("cost_fen > 0", name="cost_positive"),
    CheckConstraint("bank_status IN ('waiting', 'confirmed', 'refused', 'silent')", name="bank_status"),
    CheckConstraint("(bank_status = 'waiting') = (bank_at IS NULL)", name="bank_at"),
    # What a bank has confirmed is never given back.
    CheckConstraint("bank_status <> 'confirmed' OR status = 'confirmed'", name="confirmed_stays"),
    # Permanent: an offset repeated after the deletion of its idempotency key must not spend twice.
    UniqueConstraint("user_id", "idempotency_key"),
)
index_open(loan_offset)
Index(
    "uq_loan_offset_quote",
    loan_offset.c.bank_id,
    loan_offset.c.quote_id,
    unique=True,
    postgresql_where=text(f"NOT ({OFFSET_REFUSED})"),
)
Index("ix_loan_offset_user", loan_offset.c.user_id, loan_offset.c.offset_id)
Index("ix_loan_offset_bank", loan_offset.c.bank_id, loan_offset.c.offset_id)
Index(
    "ix_loan_offset_waiting",
    loan_offset.c.answer_by,
    postgresql_where=text("status = 'confirmed' AND bank_status = 'waiting'"),
)
Index("ix_loan_offset_settled", loan_offset.c.bank_at, postgresql_where=text("bank_status = 'confirmed'"))

loan_month = Table(
    "loan_month",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("bank_id", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("taken_fen", BigInteger, nullable=False, comment="of offsets that are not cancelled"),
    Column("limit_fen", BigInteger, nullable=False, comment="the limit when it was last used"),
    CheckConstraint("taken_fen >= 0", name="not_negative"),
    CheckConstraint("taken_fen <= limit_fen", name="within_limit"),
)
