"""Reconciliation with accounting, two-person approval, the audit log; certificates that nobody may change.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SAME_PERSON = "lower(btrim(normalize(decided_by, NFKC))) = lower(btrim(normalize(proposed_by, NFKC)))"
_REFUSE = """
CREATE FUNCTION rewards.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is not allowed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Certificates and audit entries are only ever added.';
END $$"""


def upgrade() -> None:
    _audit_log()
    _approval()
    _runs()
    _differences()
    # The owner of the tables is bound by these as well, not only by what it grants to the service's role.
    op.execute(_REFUSE)
    for table in ("certificate", "audit_log"):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rewards.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION rewards.refuse_change()"
        )


def _audit_log() -> None:
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
        schema="rewards",
    )
    op.create_index("ix_audit_log_object", "audit_log", ["object", "entry_id"], schema="rewards")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON rewards.audit_log FROM rewards")


def _approval() -> None:
    op.create_table(
        "approval",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the thing to change, in the one spelling of its kind"),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False, comment="the subject of the operator's token"),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="null while open and when expired"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'approved', 'rejected', 'withdrawn', 'expired')", name=op.f("ck_approval_status")
        ),
        sa.CheckConstraint("(status = 'open') = (decided_at IS NULL)", name=op.f("ck_approval_decided")),
        sa.CheckConstraint(
            "(status IN ('open', 'expired')) = (decided_by IS NULL)", name=op.f("ck_approval_decided_by")
        ),
        sa.CheckConstraint(
            f"status NOT IN ('approved', 'rejected') OR NOT ({_SAME_PERSON})", name=op.f("ck_approval_two_people")
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_approval")),
        schema="rewards",
    )
    op.create_index(
        "uq_approval_open",
        "approval",
        ["kind", "subject"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON rewards.approval FROM rewards")
    op.execute(
        "GRANT INSERT (proposal_id, kind, subject, content, reason, proposed_by, expires_at),"
        " UPDATE (status, decided_by, decided_at) ON rewards.approval TO rewards"
    )


def _runs() -> None:
    op.create_table(
        "reconciliation_run",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column(
            "night", sa.Date(), nullable=True, comment="local date of a nightly run; null: started by an operator"
        ),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.Uuid(), nullable=False, comment="all ids up to it are compared"),
        sa.Column("compared", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "in_flight",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="moved too recently to be compared",
        ),
        sa.Column("differing", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True, comment="why accounting could not be asked the last time"),
        sa.Column(
            "capture_again",
            sa.Text(),
            nullable=True,
            comment="the proposal by which two people let missing captures be repeated",
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_reconciliation_run")),
        sa.UniqueConstraint("night", name=op.f("uq_reconciliation_run_night")),
        schema="rewards",
    )
    op.create_table(
        "reconciliation_total",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False, comment="redeemed:<sponsor> or donated:<campaign>"),
        sa.Column("confirmed", sa.Integer(), nullable=False, comment="orders or donations here"),
        sa.Column("confirmed_mg", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.Integer(), nullable=False, comment="holds there"),
        sa.Column("captured_mg", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["rewards.reconciliation_run.run_id"],
            name=op.f("fk_reconciliation_total_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "receiver", name=op.f("pk_reconciliation_total")),
        schema="rewards",
    )


def _differences() -> None:
    op.create_table(
        "reconciliation_difference",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("settlement_id", sa.Uuid(), nullable=False),
        sa.Column("difference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True, comment="order or donation; null: unknown here"),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("amount_mg", sa.BigInteger(), nullable=True),
        sa.Column("receiver", sa.Text(), nullable=True),
        sa.Column("hold_account_id", sa.Uuid(), nullable=True),
        sa.Column("hold_status", sa.Text(), nullable=True),
        sa.Column("hold_amount_mg", sa.BigInteger(), nullable=True),
        sa.Column("hold_receiver", sa.Text(), nullable=True),
        sa.Column("posted_mg", sa.BigInteger(), nullable=True),
        sa.Column("posted_to", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True, comment="of a repeated capture"),
        sa.Column("result_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(result IS NULL) = (result_at IS NULL)", name=op.f("ck_reconciliation_difference_result_at")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["rewards.reconciliation_run.run_id"],
            name=op.f("fk_reconciliation_difference_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "settlement_id", name=op.f("pk_reconciliation_difference")),
        schema="rewards",
    )
    op.create_index(
        "ix_reconciliation_difference_missing",
        "reconciliation_difference",
        ["run_id", "settlement_id"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("difference = 'CAPTURE_MISSING' AND result IS NULL"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER refuse_change ON rewards.certificate")
    for table in ("reconciliation_difference", "reconciliation_total", "reconciliation_run", "approval", "audit_log"):
        op.drop_table(table, schema="rewards")
    op.execute("DROP FUNCTION rewards.refuse_change()")
