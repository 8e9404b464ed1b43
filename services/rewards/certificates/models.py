"""Tables of certificates. A certificate and its revocation never change; its holder goes with the donor's erasure.

No foreign key leads to `certificate`: with one, PostgreSQL would refuse its TRUNCATE before the trigger can, with an
error that reads as if CASCADE were the answer.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Table, Text, Uuid, func

from services.rewards.database import metadata

certificate = Table(
    "certificate",
    metadata,
    Column("certificate_no", Text, primary_key=True),
    Column("donation_id", Uuid, nullable=False, unique=True),
    Column("campaign_id", Text, nullable=False),
    Column("campaign_zh", Text, nullable=False, comment="the title as it was when the certificate was issued"),
    Column("campaign_en", Text, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("certificate_no ~ '^[0-9]{20}$'", name="certificate_no"),
    CheckConstraint("amount_mg > 0", name="amount_positive"),
)

certificate_holder = Table(
    "certificate_holder",
    metadata,
    Column("certificate_no", Text, primary_key=True),
    Column("user_id", Uuid, comment="null: an enterprise, which is named"),
    Column("public_name", Text, comment="shown to everybody: the enterprise's, or the one that the donor agreed to"),
    Column("named_at", DateTime(timezone=True), comment="when the donor agreed"),
    CheckConstraint("(public_name IS NULL) = (named_at IS NULL)", name="named"),
    CheckConstraint("char_length(public_name) BETWEEN 1 AND 200", name="public_name"),
    CheckConstraint("num_nonnulls(user_id, public_name) >= 1", name="known"),
)
Index("ix_certificate_holder_user", certificate_holder.c.user_id)

certificate_revocation = Table(
    "certificate_revocation",
    metadata,
    Column("certificate_no", Text, primary_key=True),
    Column("reason_zh", Text, nullable=False, comment="public"),
    Column("reason_en", Text, nullable=False, comment="public"),
    Column("revoked_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
