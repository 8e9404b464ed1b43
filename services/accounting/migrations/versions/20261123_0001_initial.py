"""Activities, ledger, holds, methodologies, and the rights that keep postings immutable.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column(
            "activity_id",
            sa.Uuid(),
            nullable=False,
            comment="derived from (partner, event id): the inbox key, for ever",
        ),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_index", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True, comment="null while parked and for strangers"),
        sa.Column("account_key", sa.Text(), nullable=True, comment="only while parked"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("methodology_code", sa.Text(), nullable=True),
        sa.Column("methodology_version", sa.Integer(), nullable=True),
        sa.Column("judgement", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "act",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the reported act; null for strangers",
        ),
        sa.Column("raw_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(amount_mg > 0) = (status IN ('credited', 'pending', 'reversed'))",
            name=op.f("ck_activity_amount_fits_status"),
        ),
        sa.CheckConstraint(
            "(status = 'parked') = (account_key IS NOT NULL)", name=op.f("ck_activity_key_only_while_parked")
        ),
        sa.CheckConstraint(
            "status IN ('credited', 'pending', 'refused', 'parked', 'reversed')", name=op.f("ck_activity_status")
        ),
        sa.CheckConstraint(
            "status IN ('refused', 'parked') OR account_id IS NOT NULL", name=op.f("ck_activity_credited_to_someone")
        ),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_activity")),
        schema="accounting",
    )
    op.create_index(
        "ix_activity_account",
        "activity",
        ["account_id", "occurred_at", "activity_id"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_activity_parked",
        "activity",
        ["partner_id", "account_key"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("status = 'parked'"),
    )
    op.create_table(
        "binding",
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consent_withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("binding_id", name=op.f("pk_binding")),
        schema="accounting",
    )
    op.create_index("ix_binding_key", "binding", ["partner_id", "account_key"], unique=False, schema="accounting")
    op.create_table(
        "cap_usage",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("cap_id", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("acts >= 0 AND amount_mg >= 0", name=op.f("ck_cap_usage_not_negative")),
        sa.PrimaryKeyConstraint("account_id", "cap_id", "period_start", name=op.f("pk_cap_usage")),
        schema="accounting",
        postgresql_with={"fillfactor": 70},
    )
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
        schema="accounting",
    )
    op.create_table(
        "consumer_worker",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "holder", name=op.f("pk_consumer_worker")),
        schema="accounting",
    )
    op.create_table(
        "correction",
        sa.Column(
            "event_key", sa.Uuid(), nullable=False, comment="same keys as activity.activity_id: one inbox for both"
        ),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("original_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column(
            "report",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="only while waiting for the original",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'waiting') = (report IS NOT NULL)", name=op.f("ck_correction_report_only_while_waiting")
        ),
        sa.CheckConstraint("status IN ('waiting', 'applied', 'refused')", name=op.f("ck_correction_status")),
        sa.PrimaryKeyConstraint("event_key", name=op.f("pk_correction")),
        schema="accounting",
    )
    op.create_index(
        "ix_correction_waiting",
        "correction",
        ["received_at", "event_key"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("status = 'waiting'"),
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
        schema="accounting",
    )
    op.create_table(
        "factor",
        sa.Column("factor_id", sa.Text(), nullable=False),
        sa.Column("vintage", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("factor_id", "vintage", name=op.f("pk_factor")),
        schema="accounting",
    )
    op.create_table(
        "hold",
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("captured_to", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'captured') = (captured_to IS NOT NULL)", name=op.f("ck_hold_captured_to")),
        sa.CheckConstraint("amount_mg > 0 OR status = 'voided'", name=op.f("ck_hold_amount_positive")),
        sa.CheckConstraint("status IN ('held', 'captured', 'voided', 'expired')", name=op.f("ck_hold_status")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold")),
        schema="accounting",
    )
    op.create_index(
        "ix_hold_due",
        "hold",
        ["expires_at"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ix_hold_open",
        "hold",
        ["account_id"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("status = 'held'"),
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
        schema="accounting",
    )
    op.create_index(
        "ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False, schema="accounting"
    )
    op.create_table(
        "intake_tally",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "received_on", "status", "reason_code", name=op.f("pk_intake_tally")),
        schema="accounting",
    )
    op.create_table(
        "ledger_account",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("balance_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lifetime_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "balance_mg >= 0 OR kind IN ('debt', 'issuance')", name=op.f("ck_ledger_account_not_overdrawn")
        ),
        sa.CheckConstraint("lifetime_mg >= 0", name=op.f("ck_ledger_account_lifetime_not_negative")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("code", name=op.f("uq_ledger_account_code")),
        schema="accounting",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "methodology_version",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('published', 'retired')", name=op.f("ck_methodology_version_status")),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_to > effective_from", name=op.f("ck_methodology_version_interval")
        ),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_methodology_version")),
        schema="accounting",
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="accounting",
    )
    op.create_table(
        "posting",
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("debit_account_id", sa.Uuid(), nullable=False),
        sa.Column("credit_account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("reverses_posting_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_posting_amount_positive")),
        sa.CheckConstraint("debit_account_id <> credit_account_id", name=op.f("ck_posting_two_accounts")),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_posting")),
        sa.UniqueConstraint(
            "reverses_posting_id", "debit_account_id", name=op.f("uq_posting_reverses_posting_id_debit_account_id")
        ),
        schema="accounting",
    )
    op.create_index(
        "ix_posting_credit", "posting", ["credit_account_id", "posting_id"], unique=False, schema="accounting"
    )
    op.create_index(
        "ix_posting_debit",
        "posting",
        ["debit_account_id", "posting_id"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("kind <> 'credit'"),
    )
    op.create_index(
        "uq_posting_credit_of_activity",
        "posting",
        ["activity_id"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("kind = 'credit'"),
    )
    # Postings are facts, published methodologies and factors are law: the service can add, never change or remove.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.posting FROM accounting")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.factor FROM accounting")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.methodology_version FROM accounting")
    op.execute("GRANT UPDATE (status, effective_to) ON accounting.methodology_version TO accounting")
    op.execute("REVOKE DELETE, TRUNCATE ON accounting.ledger_account, accounting.activity FROM accounting")


def downgrade() -> None:
    op.drop_index(
        "uq_posting_credit_of_activity",
        table_name="posting",
        schema="accounting",
        postgresql_where=sa.text("kind = 'credit'"),
    )
    op.drop_index(
        "ix_posting_debit", table_name="posting", schema="accounting", postgresql_where=sa.text("kind <> 'credit'")
    )
    op.drop_index("ix_posting_credit", table_name="posting", schema="accounting")
    op.drop_table("posting", schema="accounting")
    op.drop_table("outbox", schema="accounting")
    op.drop_table("methodology_version", schema="accounting")
    op.drop_table("ledger_account", schema="accounting")
    op.drop_table("intake_tally", schema="accounting")
    op.drop_index("ix_idempotency_key_created_at", table_name="idempotency_key", schema="accounting")
    op.drop_table("idempotency_key", schema="accounting")
    op.drop_index("ix_hold_open", table_name="hold", schema="accounting", postgresql_where=sa.text("status = 'held'"))
    op.drop_index("ix_hold_due", table_name="hold", schema="accounting", postgresql_where=sa.text("status = 'held'"))
    op.drop_table("hold", schema="accounting")
    op.drop_table("factor", schema="accounting")
    op.drop_table("dead_letter", schema="accounting")
    op.drop_index(
        "ix_correction_waiting",
        table_name="correction",
        schema="accounting",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_table("correction", schema="accounting")
    op.drop_table("consumer_worker", schema="accounting")
    op.drop_table("consumer_partition", schema="accounting")
    op.drop_table("cap_usage", schema="accounting")
    op.drop_index("ix_binding_key", table_name="binding", schema="accounting")
    op.drop_table("binding", schema="accounting")
    op.drop_index(
        "ix_activity_parked", table_name="activity", schema="accounting", postgresql_where=sa.text("status = 'parked'")
    )
    op.drop_index(
        "ix_activity_account",
        table_name="activity",
        schema="accounting",
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.drop_table("activity", schema="accounting")
