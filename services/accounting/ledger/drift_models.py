"""What the running check of the ledger keeps, and the index by which postings are read in the order of time."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, SmallInteger, Table, Uuid, text

from services.accounting.database import metadata
from services.accounting.ledger.models import posting

# Postings lie in the table in the order of time, so a block-range index finds any interval at no cost to the writers.
# Autovacuum summarises new ranges; until it has, they are read in full, which is slower and gives the same.
Index("ix_posting_posted_at", posting.c.posted_at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("postings_mg", BigInteger, nullable=False, comment="what the postings checked so far add up to"),
    Column("drift_mg", BigInteger, nullable=False, comment="balance minus postings_mg when last looked at"),
    postgresql_with={"fillfactor": 70},
)
Index("ix_ledger_checkpoint_drifting", ledger_checkpoint.c.account_id, postgresql_where=text("drift_mg <> 0"))

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

ledger_check_state = Table(
    "ledger_check_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1"),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("checked_before", DateTime(timezone=True), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
