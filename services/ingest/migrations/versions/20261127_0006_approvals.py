"""Proposals of operators that need a second person, and the sealed secrets that wait with them.

Revision ID: 20261127_0006
Revises: 20261126_0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_0006"
down_revision = "20261126_0005"
branch_labels = None
depends_on = None

_SAME_PERSON = "lower(btrim(normalize(decided_by, NFKC))) = lower(btrim(normalize(proposed_by, NFKC)))"


def upgrade() -> None:
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
        schema="ingest",
    )
    op.create_index(
        "uq_approval_open",
        "approval",
        ["kind", "subject"],
        unique=True,
        schema="ingest",
        postgresql_where=sa.text("status = 'open'"),
    )
    # The service adds open proposals and decides them; it can neither rewrite nor remove one.
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ingest.approval FROM ingest")
    op.execute(
        "GRANT INSERT (proposal_id, kind, subject, content, reason, proposed_by, expires_at),"
        " UPDATE (status, decided_by, decided_at) ON ingest.approval TO ingest"
    )
    op.create_table(
        "proposed_secret",
        sa.Column("proposal_id", sa.Uuid(), nullable=False, comment="of an open proposal"),
        sa.Column("name", sa.Text(), nullable=False, comment="the column that it becomes"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="AES-GCM"),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("proposal_id", "name", name=op.f("pk_proposed_secret")),
        schema="ingest",
    )
    op.execute("REVOKE UPDATE, TRUNCATE ON ingest.proposed_secret FROM ingest")


def downgrade() -> None:
    op.drop_table("proposed_secret", schema="ingest")
    op.drop_table("approval", schema="ingest")
