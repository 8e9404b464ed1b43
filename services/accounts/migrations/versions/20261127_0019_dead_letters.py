"""What operators did with dead letters.

Revision ID: 20261127_0019
Revises: 20261127_0018
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0019"
down_revision = "20261127_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dead_letter_resolution",
        sa.Column("dead_letter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="who: the subject of the operator's token"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True, comment="what was published; null for a discarded one"),
        sa.Column("resolved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("action IN ('replayed', 'discarded')", name=op.f("ck_dead_letter_resolution_action")),
        sa.ForeignKeyConstraint(
            ["dead_letter_id"],
            ["accounts.dead_letter.id"],
            name=op.f("fk_dead_letter_resolution_dead_letter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letter_resolution")),
        schema="accounts",
    )


def downgrade() -> None:
    op.drop_table("dead_letter_resolution", schema="accounts")
