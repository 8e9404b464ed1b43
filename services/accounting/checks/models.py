"""Tables of the running check: sum of checked postings per account, and the time up to which all are checked."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, SmallInteger, Table, Uuid, text

from services.accounting.database import metadata

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("postings_mg", BigInteger, nullable=False, comment="what the postings checked so far add up to"),
    Column("drift_mg", BigInteger, nullable=False, comment="balance minus postings_mg when last looked at"),
    postgresql_with={"fillfactor": 70},
)
Index("ix_ledger_checkpoint_drifting", ledger_checkpoint.c.account_id, postgresql_where=text("drift_mg <> 0"))

ledger_check_state = Table(
    "ledger_check_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1"),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("checked_before", DateTime(timezone=True), nullable=False),
    Column(
        "swept_to",
        Uuid,
        nullable=False,
        server_default="00000000-0000-0000-0000-000000000000",
        comment="the sweep has looked at the accounts up to this id",
    ),
    Column("swept_at", DateTime(timezone=True), comment="end of the last sweep over all accounts"),
    CheckConstraint("id = 1", name="one_row"),
)
