"""The largest credits of each day.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "largest_credit",
        sa.Column("day", sa.Date(), nullable=False, comment="local date of the posting"),
        sa.Column(
            "span",
            sa.Text(),
            nullable=False,
            comment="credit: one posting; hour: all credits of an account in an hour",
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="of the posting, or the beginning of the hour",
        ),
        sa.Column("entry_id", sa.Uuid(), nullable=False, comment="the posting, or the account"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("span IN ('credit', 'hour')", name=op.f("ck_largest_credit_span")),
        sa.PrimaryKeyConstraint("day", "span", "at", "entry_id", name=op.f("pk_largest_credit")),
        schema="accounting",
    )
    op.create_table(
        "largest_credit_state",
        sa.Column("id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("ranked_before", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_largest_credit_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_largest_credit_state")),
        schema="accounting",
    )


def downgrade() -> None:
    op.drop_table("largest_credit_state", schema="accounting")
    op.drop_table("largest_credit", schema="accounting")
