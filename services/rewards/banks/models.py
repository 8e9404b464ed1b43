"""Tables of banks, of their public keys, and of the nonces of signatures seen."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Table, Text, func

from services.rewards.banks.domain import ALGORITHMS, ANSWER_HOURS_MAX, APP_KEY_PATTERN
from services.rewards.database import metadata
from services.rewards.slugs import SLUG_PATTERN

_NOW = func.clock_timestamp()

bank = Table(
    "bank",
    metadata,
    Column("bank_id", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("budget_id", Text, ForeignKey("rewards.budget.budget_id"), nullable=False, comment="pays the interest"),
    Column("fen_per_kg", Integer, nullable=False, comment="fen of interest for 1,000,000 mg"),
    Column("month_fen", BigInteger, nullable=False, comment="of one person in a local month"),
    Column("answer_hours", Integer, nullable=False, comment="without an answer by then the grams go back"),
    Column("registered_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("suspended_at", DateTime(timezone=True)),
    CheckConstraint(f"bank_id ~ '{SLUG_PATTERN}'", name="slug"),
    CheckConstraint("fen_per_kg > 0 AND month_fen > 0", name="terms"),
    CheckConstraint(f"answer_hours BETWEEN 1 AND {ANSWER_HOURS_MAX}", name="answer_hours"),
)

bank_key = Table(
    "bank_key",
    metadata,
    Column("app_key", Text, primary_key=True),
    Column("bank_id", Text, ForeignKey("rewards.bank.bank_id"), nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("live_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint(f"app_key ~ '{APP_KEY_PATTERN}'", name="app_key"),
    CheckConstraint("algorithm IN ({})".format(", ".join(f"'{one}'" for one in ALGORITHMS)), name="algorithm"),
)
Index("ix_bank_key_bank", bank_key.c.bank_id)

bank_nonce = Table(
    "bank_nonce",
    metadata,
    Column("app_key", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)
Index("ix_bank_nonce_at", bank_nonce.c.at)
