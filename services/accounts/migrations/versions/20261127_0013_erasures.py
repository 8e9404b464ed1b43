"""Erasure of people. Indexes for the foreign keys to a person, so that no deletion reads a whole table.

Revision ID: 20261127_0013
Revises: 20261127_0006
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0013"
down_revision = "20261127_0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_INDEXES = (
    ("binding", "account_id"),
    ("binding_token", "user_id"),
    ("binding_token", "binding_id"),
    ("household", "opened_by"),
    ("household_member", "account_id"),
    ("household_invitation", "invited_by"),
    ("household_invitation", "membership_id"),
    ("log_in_code", "session_id"),
)


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("planned_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("cancelled_at", _TIME, nullable=True),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("asked_at", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('planned', 'cancelled', 'running', 'done')", name=op.f("ck_erasure_status")),
        sa.CheckConstraint("(status = 'done') = (user_id IS NULL)", name=op.f("ck_erasure_named_until_done")),
        sa.PrimaryKeyConstraint("erasure_id", name=op.f("pk_erasure")),
        schema="accounts",
    )
    for name, column, status, unique in (
        ("uq_erasure_planned", "user_id", "planned", True),
        ("ix_erasure_due", "due_at", "planned", False),
        ("ix_erasure_running", "asked_at", "running", False),
    ):
        where = sa.text(f"status = '{status}'")
        op.create_index(name, "erasure", [column], unique=unique, schema="accounts", postgresql_where=where)
    op.create_index(op.f("ix_erasure_account_id"), "erasure", ["account_id"], schema="accounts")
    op.create_table(
        "erasure_answer",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("answered_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["accounts.erasure.erasure_id"], name=op.f("fk_erasure_answer_erasure_id_erasure")
        ),
        sa.PrimaryKeyConstraint("erasure_id", "service", name=op.f("pk_erasure_answer")),
        schema="accounts",
    )
    op.alter_column("household", "opened_by", nullable=True, schema="accounts")
    for table, column in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], schema="accounts")


def downgrade() -> None:
    for table, column in _INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table, schema="accounts")
    op.drop_table("erasure_answer", schema="accounts")
    op.drop_table("erasure", schema="accounts")
