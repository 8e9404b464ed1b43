"""Debts are found by an index of their own; batches of outcomes wait for the log without being compressed.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_ledger_account_debt",
        "ledger_account",
        ["owner_id"],
        schema="accounting",
        postgresql_where=sa.text("kind = 'debt'"),
    )
    # A row lives for milliseconds: compressing it cost as much as writing a balance for each event in it.
    op.execute("ALTER TABLE accounting.outbox ALTER COLUMN records SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE accounting.outbox ALTER COLUMN records SET STORAGE EXTENDED")
    op.drop_index("ix_ledger_account_debt", "ledger_account", schema="accounting")
