"""Tables of merchants. Secrets are sealed, tokens and enrolment codes are kept as hashes."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from services.rewards.database import metadata
from services.rewards.slugs import SLUG_PATTERN
from shared.auth.cp1 import ALGORITHMS

_NOW = func.clock_timestamp()

merchant = Table(
    "merchant",
    metadata,
    Column("merchant_id", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint(f"merchant_id ~ '{SLUG_PATTERN}'", name="slug"),
)

shop = Table(
    "shop",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("rewards.merchant.merchant_id"), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("address", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("closed_at", DateTime(timezone=True), comment="takes no vouchers any more"),
    CheckConstraint(f"shop_id ~ '{SLUG_PATTERN}'", name="slug"),
)
Index("ix_shop_merchant", shop.c.merchant_id, shop.c.shop_id)

merchant_key = Table(
    "merchant_key",
    metadata,
    Column("app_key", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("rewards.merchant.merchant_id"), nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("secret_sealed", LargeBinary, comment="of an HMAC key"),
    Column("public_key", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("live_at", DateTime(timezone=True), comment="null until a second person approved it"),
    Column("revoked_at", DateTime(timezone=True)),
    CheckConstraint("algorithm IN ({})".format(", ".join(f"'{one}'" for one in ALGORITHMS)), name="algorithm"),
    CheckConstraint("num_nonnulls(secret_sealed, public_key) = 1", name="one_material"),
)
Index("ix_merchant_key_merchant", merchant_key.c.merchant_id)

merchant_nonce = Table(
    "merchant_nonce",
    metadata,
    Column("app_key", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=_NOW),
)
Index("ix_merchant_nonce_at", merchant_nonce.c.at)

till = Table(
    "till",
    metadata,
    Column("till_id", Uuid, primary_key=True),
    Column("shop_id", Text, ForeignKey("rewards.shop.shop_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("enrolled_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("revoked_at", DateTime(timezone=True)),
)
Index("ix_till_shop", till.c.shop_id, postgresql_where=text("revoked_at IS NULL"))

till_enrolment = Table(
    "till_enrolment",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("shop_id", Text, ForeignKey("rewards.shop.shop_id"), nullable=False),
    Column("name", Text, nullable=False, comment="of the till"),
    Column("asked_by", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
Index("ix_till_enrolment_end", till_enrolment.c.expires_at)
