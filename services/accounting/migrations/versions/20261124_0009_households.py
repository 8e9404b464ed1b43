"""Households: who lives together, their meters, and the rows that are locked while shared limits are counted.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "household_member",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the person's"),
        sa.Column("joined_at", _TIME, nullable=False),
        sa.Column("left_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_household_member")),
        schema="accounting",
    )
    op.create_index("ix_household_member_account", "household_member", ["account_id", "left_at"], schema="accounting")
    op.create_table(
        "household_meter",
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("meter_key", sa.Text(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_household_meter")),
        schema="accounting",
    )
    op.create_index("ix_household_meter_key", "household_meter", ["meter_key"], schema="accounting")
    op.create_index("ix_household_meter_household", "household_meter", ["household_id"], schema="accounting")
    op.create_table(
        "cap_subject",
        sa.Column(
            "subject_id",
            sa.Uuid(),
            nullable=False,
            comment="of a household or a meter: locked while it is counted",
        ),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_cap_subject")),
        schema="accounting",
    )
    op.create_table(
        "what_if_usage",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("cap_id", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "subject_id", "cap_id", "period_start", name=op.f("pk_what_if_usage")),
        schema="accounting",
    )
    op.alter_column(
        "cap_usage",
        "account_id",
        comment="whose: a person's account, a household's, or the id of a meter",
        existing_type=sa.Uuid(),
        schema="accounting",
    )


def downgrade() -> None:
    op.alter_column("cap_usage", "account_id", comment=None, existing_type=sa.Uuid(), schema="accounting")
    for table in ("what_if_usage", "cap_subject", "household_meter", "household_member"):
        op.drop_table(table, schema="accounting")
