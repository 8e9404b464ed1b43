"""The feed of verdicts; webhooks catch up and send fresh results first; imported files take turns.

Revision ID: 20261127_0009
Revises: 20261127_0008
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0009"
down_revision = "20261127_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _feed()
    op.create_table(
        "bulk_receipts",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("first_receipt", sa.Uuid(), nullable=False),
        sa.Column("last_receipt", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "first_receipt", name=op.f("pk_bulk_receipts")),
        schema="ingest",
    )
    op.add_column(
        "webhook_delivery",
        sa.Column("lane", sa.SmallInteger(), server_default="0", nullable=False, comment="0 fresh, 1 bulk"),
        schema="ingest",
    )
    op.create_check_constraint(op.f("ck_webhook_delivery_lane"), "webhook_delivery", "lane IN (0, 1)", schema="ingest")
    op.drop_index("ix_webhook_delivery_due", "webhook_delivery", schema="ingest")
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["partner_id", "lane", "next_attempt_at"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.add_column(
        "import_job",
        sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True, comment="when it was last worked on"),
        schema="ingest",
    )


def _feed() -> None:
    op.create_table(
        "outcome_feed",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column(
            "last_position", sa.BigInteger(), server_default="0", nullable=False, comment="of the newest verdict"
        ),
        sa.Column(
            "deleted_through",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="older verdicts are not kept",
        ),
        sa.Column(
            "parked_wanted",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the webhook gets parked verdicts",
        ),
        sa.Column(
            "webhook_after",
            sa.BigInteger(),
            nullable=True,
            comment="the webhook stopped, or catches up, after this position",
        ),
        sa.Column(
            "webhook_through",
            sa.BigInteger(),
            nullable=True,
            comment="where catching up ends; null while the address is disabled",
        ),
        sa.CheckConstraint(
            "webhook_through IS NULL OR webhook_after IS NOT NULL", name=op.f("ck_outcome_feed_webhook")
        ),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_outcome_feed")),
        schema="ingest",
    )
    op.create_table(
        "outcome_block",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column(
            "verdicts", sa.Integer(), nullable=False, comment="their positions end with last_position, without a gap"
        ),
        sa.Column("items", sa.LargeBinary(), nullable=False, comment="JSON array, deflated"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("verdicts > 0 AND verdicts <= last_position", name=op.f("ck_outcome_block_verdicts")),
        sa.PrimaryKeyConstraint("partner_id", "last_position", name=op.f("pk_outcome_block")),
        schema="ingest",
    )
    # The verdicts are compressed already.
    op.execute("ALTER TABLE ingest.outcome_block ALTER COLUMN items SET STORAGE EXTERNAL")
    op.create_index("ix_outcome_block_created_at", "outcome_block", ["created_at"], unique=False, schema="ingest")


def downgrade() -> None:
    op.drop_column("import_job", "turn_at", schema="ingest")
    op.drop_index("ix_webhook_delivery_due", "webhook_delivery", schema="ingest")
    op.drop_column("webhook_delivery", "lane", schema="ingest")
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["partner_id", "next_attempt_at"],
        unique=False,
        schema="ingest",
        postgresql_where=sa.text("status = 'pending'"),
    )
    for table in ("bulk_receipts", "outcome_block", "outcome_feed"):
        op.drop_table(table, schema="ingest")
