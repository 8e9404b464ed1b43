"""Partners and keys, the archive of received events, and the shared plumbing.

Revision ID: 20261123_0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _partners()
    _archive()
    _consumers()
    _plumbing()


def _partners() -> None:
    op.create_table(
        "partner",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("scenes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("event_types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("cities", postgresql.ARRAY(sa.Text()), nullable=False, comment="empty: every city of the programme"),
        sa.Column("late_window_s", sa.Integer(), nullable=False),
        sa.Column("binding_modes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("phone_pepper_sealed", sa.LargeBinary(), nullable=True, comment="AES-GCM"),
        sa.Column(
            "oauth_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="AES-GCM of a JSON object: it holds a client secret",
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("environment IN ('live', 'sandbox')", name=op.f("ck_partner_environment")),
        sa.CheckConstraint("late_window_s >= 0", name=op.f("ck_partner_late_window")),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_partner")),
        sa.UniqueConstraint("source", name=op.f("uq_partner_source")),
        schema="ingest",
    )
    op.create_table(
        "partner_key",
        sa.Column("app_key", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False, comment="AES-GCM"),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["ingest.partner.partner_id"], name=op.f("fk_partner_key_partner_id")),
        sa.PrimaryKeyConstraint("app_key", name=op.f("pk_partner_key")),
        schema="ingest",
    )
    op.create_index(op.f("ix_partner_key_partner_id"), "partner_key", ["partner_id"], unique=False, schema="ingest")


def _archive() -> None:
    op.create_table(
        "reported_event",
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("item_index", sa.Integer(), nullable=False),
        sa.Column(
            "event_key", sa.Uuid(), nullable=False, comment="of (partner, event id): the activity's id in accounting"
        ),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null while only the outcome has been seen",
        ),
        sa.Column(
            "receipt_accepted",
            sa.SmallInteger(),
            nullable=True,
            comment="accepted events of the receipt, to know when all were seen",
        ),
        sa.Column("receipt_rejected", sa.SmallInteger(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True, comment="null for cancellations"),
        sa.Column("original_event_id", sa.Text(), nullable=True),
        sa.Column(
            "reason", sa.Text(), nullable=True, comment="of a correction or cancellation, in the partner's words"
        ),
        sa.Column(
            "act",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="as on the topic: no coordinates, no account reference",
        ),
        sa.Column(
            "raw_sha256", sa.LargeBinary(), nullable=True, comment="of the bytes the partner signed for this event"
        ),
        sa.Column("log_partition", sa.SmallInteger(), nullable=True),
        sa.Column("log_offset", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="received", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("amount_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "sequence", sa.Integer(), server_default="0", nullable=False, comment="of the verdict shown; 0 = none yet"
        ),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("receipt_id", "item_index", name=op.f("pk_reported_event")),
        schema="ingest",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index("ix_reported_event_event_key", "reported_event", ["event_key"], unique=False, schema="ingest")
    op.create_index(
        "ix_reported_event_received_at",
        "reported_event",
        ["received_at"],
        unique=False,
        schema="ingest",
        postgresql_using="brin",
    )
    op.create_table(
        "receipt_rejection",
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column(
            "items",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="index, id, code, field of each refused event",
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipt_rejection")),
        schema="ingest",
    )
    op.create_index(
        "ix_receipt_rejection_received_at", "receipt_rejection", ["received_at"], unique=False, schema="ingest"
    )


def _consumers() -> None:
    op.create_table(
        "consumer_partition",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition", name=op.f("pk_consumer_partition")),
        schema="ingest",
    )
    op.create_table(
        "consumer_worker",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "holder", name=op.f("pk_consumer_worker")),
        schema="ingest",
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "consumer", "topic", "partition", "offset", name=op.f("uq_dead_letter_consumer_topic_partition_offset")
        ),
        schema="ingest",
    )


def _plumbing() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="ingest",
    )
    op.create_table(
        "idempotency_key",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subject", "route", "key", name=op.f("pk_idempotency_key")),
        schema="ingest",
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False, schema="ingest")


def downgrade() -> None:
    for table in (
        "idempotency_key",
        "outbox",
        "dead_letter",
        "consumer_worker",
        "consumer_partition",
        "receipt_rejection",
        "reported_event",
        "partner_key",
        "partner",
    ):
        op.drop_table(table, schema="ingest")
