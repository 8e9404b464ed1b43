"""Mended reports enter the seal of the operators' records.

Rows that exist get the time of this migration, so they are sealed with its day. Days that are sealed keep their leaves.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "mended_report",
        sa.Column(
            "sealed_from",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="decides the day that seals the row: its time, or that of the migration for older rows",
        ),
        schema="accounting",
    )


def downgrade() -> None:
    op.drop_column("mended_report", "sealed_from", schema="accounting")
