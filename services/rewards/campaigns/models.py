"""Tables of campaigns, donations and donors."""

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
)

from services.rewards.database import index_open, metadata, settlement_columns
from services.rewards.slugs import SLUG_PATTERN

campaign = Table(
    "campaign",
    metadata,
    Column("campaign_id", Text, primary_key=True, comment="a slug; names the ledger account donated:<campaign>"),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("description_zh", Text, nullable=False, server_default=""),
    Column("description_en", Text, nullable=False, server_default=""),
    Column("target_mg", BigInteger, nullable=False),
    Column("donated_mg", BigInteger, nullable=False, server_default="0"),
    Column("donors", Integer, nullable=False, server_default="0", comment="people, not donations"),
    Column("min_mg", BigInteger, nullable=False, comment="of one donation"),
    Column("max_mg", BigInteger, nullable=False, comment="of one donation"),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint(f"campaign_id ~ '{SLUG_PATTERN}'", name="slug"),
    CheckConstraint("starts_at < ends_at", name="window"),
    CheckConstraint("0 < min_mg AND min_mg <= max_mg AND target_mg > 0", name="amounts"),
    CheckConstraint("donated_mg >= 0 AND donors >= 0", name="not_negative"),
    postgresql_with={"fillfactor": 50},
)

donation = Table(
    "donation",
    metadata,
    *settlement_columns("donation_id"),
    Column("campaign_id", Text, ForeignKey("rewards.campaign.campaign_id"), nullable=False),
    # Permanent: a donation repeated after the deletion of its idempotency key must not spend twice.
    UniqueConstraint("user_id", "idempotency_key"),
)
index_open(donation)
Index("ix_donation_user", donation.c.user_id, donation.c.donation_id)

campaign_donor = Table(
    "campaign_donor",
    metadata,
    Column("campaign_id", Text, ForeignKey("rewards.campaign.campaign_id"), primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("donated_mg", BigInteger, nullable=False),
    CheckConstraint("donated_mg > 0", name="amount_positive"),
)
