"""The table of badges. A row is one time that somebody earned a badge; a withdrawn one stays as history."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid, func, text

from services.rewards.database import metadata

badge = Table(
    "badge",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("badge_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1 for the first time"),
    Column("rule_version", Integer, nullable=False),
    Column("earned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("withdrawn_because", Text),
    CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_because IS NULL)", name="withdrawn"),
    CheckConstraint("number > 0", name="number"),
)
Index("uq_badge_held", badge.c.account_id, badge.c.badge_id, unique=True, postgresql_where=text("withdrawn_at IS NULL"))
