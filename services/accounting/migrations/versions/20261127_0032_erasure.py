"""Erasure of people: tasks, hashes of erased acts for the seals, erased accounts with grams to come.

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "ledger_account",
        sa.Column("frozen_reason", sa.Text(), nullable=True, comment="the code that the owner is told"),
        schema="accounting",
    )
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
        schema="accounting",
    )
    op.create_index(
        "ix_erasure_task_open",
        "erasure_task",
        ["next_at"],
        schema="accounting",
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "erased_balance",
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="its grams are withdrawn as they become available"),
        sa.Column("looked_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_erased_balance")),
        schema="accounting",
    )
    op.create_index("ix_erased_balance_looked_at", "erased_balance", ["looked_at"], schema="accounting")
    op.create_table(
        "erased_act",
        sa.Column(
            "activity_id",
            sa.Uuid(),
            nullable=False,
            comment="of an activity whose person was erased: its act is gone",
        ),
        sa.Column("act_sha256", sa.LargeBinary(), nullable=False, comment="of the act's text, for the seal of its day"),
        sa.Column("act_kind", sa.Text(), nullable=True, comment="as the sealed leaf names it"),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_erased_act")),
        schema="accounting",
    )
    # Marks of erasure are for good: the database refuses to change a hash that a seal needs, or to lose a task.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.erased_act FROM accounting")
    op.execute("REVOKE DELETE, TRUNCATE ON accounting.erasure_task FROM accounting")
    for table, operations in (("erased_act", "UPDATE OR DELETE OR TRUNCATE"), ("erasure_task", "DELETE OR TRUNCATE")):
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE {operations} ON accounting.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION accounting.refuse_change()"
        )


def downgrade() -> None:
    op.drop_column("ledger_account", "frozen_reason", schema="accounting")
    op.drop_table("erased_act", schema="accounting")
    op.drop_index("ix_erased_balance_looked_at", table_name="erased_balance", schema="accounting")
    op.drop_table("erased_balance", schema="accounting")
    op.drop_index("ix_erasure_task_open", table_name="erasure_task", schema="accounting")
    op.drop_table("erasure_task", schema="accounting")
