"""Find a voucher by the code that a till types, whatever its item.

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
    op.create_index(
        "ix_voucher_code", "voucher", ["code_hash"], schema="rewards", postgresql_where=sa.text("order_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_voucher_code", table_name="voucher", schema="rewards")
