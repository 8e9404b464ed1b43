"""Two-person approval.

Revision ID: 20261127_0012
Revises: 20261127_0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_0012"
down_revision = "20261127_0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
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
        sa.Column("proposed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="null while open and when expired"),
        sa.Column("decided_at", _TIME, nullable=True),
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
        schema="accounts",
    )
    op.create_index(
        "uq_approval_open",
        "approval",
        ["kind", "subject"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON accounts.approval FROM accounts")
    op.execute(
        "GRANT INSERT (proposal_id, kind, subject, content, reason, proposed_by, expires_at),"
        " UPDATE (status, decided_by, decided_at) ON accounts.approval TO accounts"
    )
    # Nobody removes proposals, nor the owner of the table.
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON accounts.approval"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounts.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("approval", schema="accounts")
