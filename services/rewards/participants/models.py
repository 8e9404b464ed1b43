"""Tables of who takes part in rankings: the consent as accounts publishes it, and what the citizen chose."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid, func, text

from services.rewards.database import metadata

ranking_consent = Table(
    "ranking_consent",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), comment="may lie in the future"),
    Column("is_over", Boolean, nullable=False, server_default="false", comment="the end was acted upon"),
)
Index(
    "ix_ranking_consent_ending",
    ranking_consent.c.ends_at,
    postgresql_where=text("ends_at IS NOT NULL AND NOT is_over"),
)

ranking_participant = Table(
    "ranking_participant",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("pseudonym", Integer, nullable=False, unique=True, comment="counts through the words of pseudonyms.yaml"),
    Column("district", Text, comment="a code of districts.yaml"),
    Column("joined_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("pseudonym >= 0", name="pseudonym"),
)
