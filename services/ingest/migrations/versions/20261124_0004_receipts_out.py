"""Receipts out: partners' webhook addresses, deliveries and their attempts.

Revision ID: 20261124_0004
Revises: 20261124_0003
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_0004"
down_revision = "20261124_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _endpoints()
    _deliveries()
    _attempts()


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False, comment="AES-GCM"),
        sa.Column(
            "previous_secret_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="AES-GCM; signs as well until previous_until",
        ),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "failing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="first failure since the last success",
        ),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=False, comment="app_key of the partner or subject of the operator"),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_webhook_endpoint_status")),
        sa.CheckConstraint(
            "(status = 'disabled') = (disabled_reason IS NOT NULL)", name=op.f("ck_webhook_endpoint_disabled_reason")
        ),
        sa.CheckConstraint(
            "(previous_secret_sealed IS NULL) = (previous_until IS NULL)",
            name=op.f("ck_webhook_endpoint_previous_secret"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["ingest.partner.partner_id"], name=op.f("fk_webhook_endpoint_partner_id")
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_webhook_endpoint")),
        schema="ingest",
    )


def _deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False, comment="results inside"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="the body, the same at every attempt"),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default="0", nullable=False, comment="since it was made or replayed"
        ),
        sa.Column("attempts_total", sa.Integer(), server_default="0", nullable=False, comment="fences a late finisher"),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="also the end of the claim while one is running",
        ),
        sa.Column("last_status_code", sa.SmallInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'exhausted')", name=op.f("ck_webhook_delivery_status")),
        sa.CheckConstraint(
            "(status = 'pending') = (next_attempt_at IS NOT NULL)", name=op.f("ck_webhook_delivery_next_attempt")
        ),
        sa.CheckConstraint("(status = 'pending') = (finished_at IS NULL)", name=op.f("ck_webhook_delivery_finished")),
        sa.CheckConstraint("octet_length(payload) <= 20000", name=op.f("ck_webhook_delivery_payload_size")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_webhook_delivery")),
        schema="ingest",
    )
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["partner_id", "next_attempt_at"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_webhook_delivery_partner_id_delivery_id",
        "webhook_delivery",
        ["partner_id", "delivery_id"],
        unique=False,
        schema="ingest",
    )
    op.create_index("ix_webhook_delivery_created_at", "webhook_delivery", ["created_at"], unique=False, schema="ingest")


def _attempts() -> None:
    op.create_table(
        "webhook_attempt",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["ingest.webhook_delivery.delivery_id"],
            name=op.f("fk_webhook_attempt_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_webhook_attempt")),
        schema="ingest",
    )


def downgrade() -> None:
    for table in ("webhook_attempt", "webhook_delivery", "webhook_endpoint"):
        op.drop_table(table, schema="ingest")
