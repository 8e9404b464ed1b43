"""Tables of webhook addresses, deliveries and attempts."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from services.ingest.database import metadata

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("partner_id", Text, ForeignKey("ingest.partner.partner_id"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("disabled_reason", Text),
    Column("disabled_at", DateTime(timezone=True)),
    Column("secret_sealed", LargeBinary, nullable=False, comment="AES-GCM"),
    Column("previous_secret_sealed", LargeBinary, comment="AES-GCM; signs as well until previous_until"),
    Column("previous_until", DateTime(timezone=True)),
    Column("failing_since", DateTime(timezone=True), comment="first failure since the last success"),
    Column("last_success_at", DateTime(timezone=True)),
    Column("changed_by", Text, nullable=False, comment="app_key of the partner or subject of the operator"),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('active', 'disabled')", name="status"),
    CheckConstraint("(status = 'disabled') = (disabled_reason IS NOT NULL)", name="disabled_reason"),
    CheckConstraint("(previous_secret_sealed IS NULL) = (previous_until IS NULL)", name="previous_secret"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("partner_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("events", Integer, nullable=False, comment="results inside"),
    Column("payload", LargeBinary, nullable=False, comment="the body, the same at every attempt"),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("lane", SmallInteger, nullable=False, server_default="0", comment="0 fresh, 1 bulk"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="since it was made or replayed"),
    Column("attempts_total", Integer, nullable=False, server_default="0", comment="fences a late finisher"),
    Column("next_attempt_at", DateTime(timezone=True), comment="also the end of the claim while one is running"),
    Column("last_status_code", SmallInteger),
    Column("last_error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('pending', 'delivered', 'exhausted')", name="status"),
    CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt"),
    CheckConstraint("(status = 'pending') = (finished_at IS NULL)", name="finished"),
    CheckConstraint("lane IN (0, 1)", name="lane"),
    CheckConstraint("octet_length(payload) <= 20000", name="payload_size"),
)
Index(
    "ix_webhook_delivery_due",
    webhook_delivery.c.partner_id,
    webhook_delivery.c.lane,
    webhook_delivery.c.next_attempt_at,
    postgresql_where=text("status = 'pending'"),
)
Index("ix_webhook_delivery_partner_id_delivery_id", webhook_delivery.c.partner_id, webhook_delivery.c.delivery_id)
Index("ix_webhook_delivery_created_at", webhook_delivery.c.created_at)

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column(
        "delivery_id", Uuid, ForeignKey("ingest.webhook_delivery.delivery_id", ondelete="CASCADE"), primary_key=True
    ),
    Column("number", Integer, primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status_code", SmallInteger),
    Column("error", Text),
)
