"""How far the sweep of the running check has come.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ledger_check_state",
        sa.Column(
            "swept_to",
            sa.Uuid(),
            server_default="00000000-0000-0000-0000-000000000000",
            nullable=False,
            comment="the sweep has looked at the accounts up to this id",
        ),
        schema="accounting",
    )
    op.add_column(
        "ledger_check_state",
        sa.Column(
            "swept_at", sa.DateTime(timezone=True), nullable=True, comment="end of the last sweep over all accounts"
        ),
        schema="accounting",
    )


def downgrade() -> None:
    op.drop_column("ledger_check_state", "swept_at", schema="accounting")
    op.drop_column("ledger_check_state", "swept_to", schema="accounting")
