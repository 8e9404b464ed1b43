"""Erasure of people: tasks, which stay for good.

Revision ID: 0008
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "erasure_task",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True, comment="null once done"),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("began_at", _TIME, nullable=True, comment="the first step"),
        sa.Column("rows", sa.Integer(), server_default="0", nullable=False, comment="deleted or cleared so far"),
        sa.Column("next_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True, comment="why the last step could not finish"),
        sa.Column("done_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_erasure_task")),
        schema="rewards",
    )
    op.create_index(
        "ix_erasure_task_open",
        "erasure_task",
        ["next_at"],
        schema="rewards",
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.execute("REVOKE DELETE, TRUNCATE ON rewards.erasure_task FROM rewards")
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON rewards.erasure_task"
        " FOR EACH STATEMENT EXECUTE FUNCTION rewards.refuse_change()"
    )


def downgrade() -> None:
    op.drop_index("ix_erasure_task_open", table_name="erasure_task", schema="rewards")
    op.drop_table("erasure_task", schema="rewards")
