"""Bindings that ended or lost their consent: their acts are looked at again.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "binding_recheck",
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False, comment="made so far"),
        sa.PrimaryKeyConstraint("binding_id", name=op.f("pk_binding_recheck")),
        schema="accounting",
    )
    op.create_index("ix_binding_recheck_due", "binding_recheck", ["due_at"], schema="accounting")


def downgrade() -> None:
    op.drop_table("binding_recheck", schema="accounting")
