"""The table of budgets: the sponsor, the limit, the money reserved and spent."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Table, Text, func

from services.rewards.database import metadata

budget = Table(
    "budget",
    metadata,
    Column("budget_id", Text, primary_key=True),
    Column("sponsor_id", Text, nullable=False, comment="names the ledger account redeemed:<sponsor>"),
    Column("sponsor_zh", Text, nullable=False),
    Column("sponsor_en", Text, nullable=False),
    Column("limit_fen", BigInteger, nullable=False),
    Column("reserved_fen", BigInteger, nullable=False, server_default="0"),
    Column("spent_fen", BigInteger, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("closed_at", DateTime(timezone=True), comment="no new orders since then"),
    Column("alarmed_at", DateTime(timezone=True), comment="when 80 % were used; null below"),
    CheckConstraint("reserved_fen >= 0 AND spent_fen >= 0", name="not_negative"),
    CheckConstraint("reserved_fen + spent_fen <= limit_fen", name="within_limit"),
    CheckConstraint("sponsor_id ~ '^[A-Za-z0-9._-]{1,60}$'", name="sponsor_id"),
    postgresql_with={"fillfactor": 50},
)
