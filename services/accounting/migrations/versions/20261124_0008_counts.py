"""Acts per issuing account, counted off the posting path.

Revision ID: 0008
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_count",
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="of an issuance account"),
        sa.Column("acts", sa.BigInteger(), nullable=False, comment="credited by it so far, those reversed taken off"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_credit_count")),
        schema="accounting",
    )
    op.create_table(
        "credit_count_state",
        sa.Column("id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("counted_before", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_credit_count_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_count_state")),
        schema="accounting",
    )


def downgrade() -> None:
    op.drop_table("credit_count_state", schema="accounting")
    op.drop_table("credit_count", schema="accounting")
