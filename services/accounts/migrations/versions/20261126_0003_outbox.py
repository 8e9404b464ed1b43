"""The outbox is not compressed.

Revision ID: 20261126_0003
Revises: 20261124_0002
"""

from alembic import op

revision = "20261126_0003"
down_revision = "20261124_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rows are deleted within seconds. Compressing them costs more than writing them.
    op.execute("ALTER TABLE accounts.outbox ALTER COLUMN records SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE accounts.outbox ALTER COLUMN records SET STORAGE EXTENDED")
