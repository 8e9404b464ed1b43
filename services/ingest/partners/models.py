"""Tables of partners and their keys."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.ingest.database import metadata

_NO_LIMIT = "null: no limit of its own"

partner = Table(
    "partner",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("source", Text, nullable=False, unique=True),
    Column("scenes", ARRAY(Text), nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("cities", ARRAY(Text), nullable=False, comment="empty: every city of the programme"),
    Column("late_window_s", Integer, nullable=False),
    Column("binding_modes", ARRAY(Text), nullable=False),
    Column("environment", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("requests_per_s", Integer, comment=_NO_LIMIT),
    Column("requests_burst", Integer, comment=_NO_LIMIT),
    Column("events_per_s", Integer, comment=_NO_LIMIT),
    Column("events_burst", Integer, comment=_NO_LIMIT),
    Column("events_per_day", BigInteger, comment="null: no budget"),
    Column("allowed_networks", ARRAY(Text), nullable=False, server_default="{}", comment="CIDR; empty: any address"),
    Column("phone_pepper_sealed", LargeBinary, comment="AES-GCM"),
    Column("oauth_sealed", LargeBinary, comment="AES-GCM of a JSON object: it holds a client secret"),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("environment IN ('live', 'sandbox')", name="environment"),
    CheckConstraint("late_window_s >= 0", name="late_window"),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint(
        "requests_per_s > 0 AND requests_burst > 0 AND events_per_s > 0 AND events_burst >= 500 AND events_per_day > 0",
        name="limits",
    ),
)

partner_key = Table(
    "partner_key",
    metadata,
    Column("app_key", Text, primary_key=True),
    Column("partner_id", Text, ForeignKey(partner.c.partner_id), nullable=False, index=True),
    Column("algorithm", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("secret_sealed", LargeBinary, comment="AES-GCM"),
    Column("public_key", Text, comment="PEM, or SM2 in hex"),
    Column("rule", JSONB(none_as_null=True), comment="of a legacy signature"),
    Column("not_before", DateTime(timezone=True)),
    Column("not_after", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("environment IN ('live', 'sandbox')", name="environment"),
    CheckConstraint("num_nonnulls(secret_sealed, public_key) = 1", name="one_material"),
)

proposed_secret = Table(
    "proposed_secret",
    metadata,
    Column("proposal_id", Uuid, primary_key=True, comment="of an open proposal"),
    Column("name", Text, primary_key=True, comment="the column that it becomes"),
    Column("sealed", LargeBinary, nullable=False, comment="AES-GCM"),
    Column("proposed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# A trigger adds a row at every change of a partner, a key or a webhook address. The role of the service cannot.
partner_record = Table(
    "partner_record",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, comment="app_key of a key, else the partner id"),
    Column("partner_id", Text, nullable=False),
    Column(
        "facts",
        JSONB(none_as_null=True),
        comment="the row, with hashes of its sealed secrets; null once it was deleted",
    ),
    CheckConstraint("kind IN ('partner', 'key', 'webhook')", name="kind"),
)
