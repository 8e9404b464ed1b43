"""Tables of campaigns, donations and donors."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSONB

from services.rewards.database import index_open, metadata, settlement_columns
from services.rewards.slugs import SLUG_PATTERN

# Six hexadecimal digits: nobody is recognised by them in another campaign.
PSEUDONYM: Final = text("upper(left(replace(gen_random_uuid()::text, '-', ''), 6))")

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
    Column("donors", Integer, nullable=False, server_default="0", comment="people and enterprises, not donations"),
    Column("min_mg", BigInteger, nullable=False, comment="of one donation"),
    Column("max_mg", BigInteger, nullable=False, comment="of one donation"),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False, server_default="charity"),
    Column("images", JSONB, nullable=False, server_default=text("'[]'")),
    Column("thanks_zh", Text, nullable=False, server_default=""),
    Column("thanks_en", Text, nullable=False, server_default=""),
    Column("reserved_mg", BigInteger, nullable=False, server_default="0", comment="of donations under way"),
    Column("version", Integer, nullable=False, server_default="1", comment="raised by every change of an operator"),
    Column("completed_at", DateTime(timezone=True), comment="when the target was reached"),
    Column("closed_at", DateTime(timezone=True), comment="by an operator, before its end"),
    CheckConstraint(f"campaign_id ~ '{SLUG_PATTERN}'", name="slug"),
    CheckConstraint("starts_at < ends_at", name="window"),
    CheckConstraint("0 < min_mg AND min_mg <= max_mg AND target_mg > 0", name="amounts"),
    CheckConstraint("donated_mg >= 0 AND donors >= 0 AND reserved_mg >= 0", name="not_negative"),
    CheckConstraint("donated_mg + reserved_mg <= target_mg", name="within_target"),
    CheckConstraint("(completed_at IS NULL) = (donated_mg < target_mg)", name="completed"),
    CheckConstraint("kind IN ('charity', 'event')", name="kind"),
    postgresql_with={"fillfactor": 50},
)

donation = Table(
    "donation",
    metadata,
    *settlement_columns("donation_id"),
    Column("campaign_id", Text, ForeignKey("rewards.campaign.campaign_id"), nullable=False),
    Column("enterprise_id", Uuid, comment="whose grams the user gave, as its maker"),
    Column("team_id", Uuid, comment="in whose name the user gave"),
    CheckConstraint("enterprise_id IS NULL OR team_id IS NULL", name="one_donor"),
    # Permanent: a donation repeated after the deletion of its idempotency key must not spend twice.
    UniqueConstraint("user_id", "idempotency_key"),
)
index_open(donation)
Index("ix_donation_user", donation.c.user_id, donation.c.donation_id)
Index(
    "ix_donation_enterprise",
    donation.c.enterprise_id,
    donation.c.donation_id,
    postgresql_where=donation.c.enterprise_id.is_not(None),
)

campaign_donor = Table(
    "campaign_donor",
    metadata,
    Column("campaign_id", Text, ForeignKey("rewards.campaign.campaign_id"), primary_key=True),
    Column("donor_id", Uuid, primary_key=True, comment="the user, or the enterprise"),
    Column("donated_mg", BigInteger, nullable=False),
    Column("is_enterprise", Boolean, nullable=False, server_default=text("false")),
    Column("pseudonym", Text, nullable=False, server_default=PSEUDONYM, comment="shown without a name, here only"),
    CheckConstraint("donated_mg > 0", name="amount_positive"),
)
Index(
    "ix_campaign_donor_amount",
    campaign_donor.c.campaign_id,
    campaign_donor.c.donated_mg.desc(),
    campaign_donor.c.donor_id,
)
