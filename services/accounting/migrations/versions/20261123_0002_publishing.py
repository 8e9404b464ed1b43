"""Drafts, proposals, the audit log and what-if runs; a version may be taken back before its first day.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="who: the subject of the operator's token"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False, comment="what it was done to"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True, comment="null where nothing was there"),
        sa.Column("after", postgresql.JSONB(), nullable=True, comment="null where nothing is left"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_log")),
        schema="accounting",
    )
    op.create_index("ix_audit_log_object", "audit_log", ["object", "entry_id"], schema="accounting")
    op.create_table(
        "methodology_draft",
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="YAML as written"),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the document's canonical form"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "authors",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="everyone who wrote a part: none of them may publish",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('draft', 'checked', 'published', 'withdrawn')", name=op.f("ck_methodology_draft_status")
        ),
        sa.CheckConstraint(
            "(status = 'published') = (published_by IS NOT NULL)", name=op.f("ck_methodology_draft_publisher")
        ),
        sa.CheckConstraint("published_by <> ALL (authors)", name=op.f("ck_methodology_draft_second_person")),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_methodology_draft")),
        schema="accounting",
    )
    op.create_index(
        "uq_methodology_draft_published",
        "methodology_draft",
        ["code", "version"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "proposal",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('factors', 'retirement')", name=op.f("ck_proposal_kind")),
        sa.CheckConstraint("status IN ('open', 'approved', 'rejected')", name=op.f("ck_proposal_status")),
        sa.CheckConstraint("(status = 'open') = (decided_by IS NULL)", name=op.f("ck_proposal_decided")),
        sa.CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name=op.f("ck_proposal_second_person")),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_proposal")),
        schema="accounting",
    )
    op.create_table(
        "what_if_run",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="YAML as written"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_account_id", sa.Uuid(), nullable=True, comment="everybody up to here is done"),
        sa.Column("people", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("acts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("before_acts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("after_acts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("before_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("after_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spread", postgresql.JSONB(), nullable=True, comment="who gains and loses, once finished"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('running', 'finished', 'failed')", name=op.f("ck_what_if_run_status")),
        sa.CheckConstraint(
            "(status = 'finished') = (spread IS NOT NULL)", name=op.f("ck_what_if_run_spread_when_finished")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_what_if_run")),
        schema="accounting",
    )
    op.create_index(
        "ix_what_if_run_open",
        "what_if_run",
        ["run_id"],
        schema="accounting",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "what_if_person",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("change_mg", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "account_id", name=op.f("pk_what_if_person")),
        schema="accounting",
    )
    # An empty interval is a version that was taken back before its first day.
    op.drop_constraint(op.f("ck_methodology_version_interval"), "methodology_version", schema="accounting")
    op.create_check_constraint(
        op.f("ck_methodology_version_interval"),
        "methodology_version",
        "effective_to IS NULL OR effective_to >= effective_from",
        schema="accounting",
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.audit_log FROM accounting")
    op.execute("REVOKE DELETE, TRUNCATE ON accounting.methodology_draft, accounting.proposal FROM accounting")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_methodology_version_interval"), "methodology_version", schema="accounting")
    op.create_check_constraint(
        op.f("ck_methodology_version_interval"),
        "methodology_version",
        "effective_to IS NULL OR effective_to > effective_from",
        schema="accounting",
    )
    op.drop_table("what_if_person", schema="accounting")
    op.drop_table("what_if_run", schema="accounting")
    op.drop_table("proposal", schema="accounting")
    op.drop_table("methodology_draft", schema="accounting")
    op.drop_table("audit_log", schema="accounting")
