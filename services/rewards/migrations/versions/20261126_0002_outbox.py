"""The outbox is not compressed.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rows live for moments: compressing them costs more than writing them.
    op.execute("ALTER TABLE rewards.outbox ALTER COLUMN records SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE rewards.outbox ALTER COLUMN records SET STORAGE EXTENDED")
