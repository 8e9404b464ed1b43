"""Enterprises and their documents outlive the people who applied and uploaded.

Revision ID: 20261127_0017
Revises: 20261127_0015
"""

from alembic import op

revision = "20261127_0017"
down_revision = "20261127_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("enterprise", "applied_by", nullable=True, schema="accounts")
    op.alter_column("enterprise_document", "uploaded_by", nullable=True, schema="accounts")


def downgrade() -> None:
    op.alter_column("enterprise_document", "uploaded_by", nullable=False, schema="accounts")
    op.alter_column("enterprise", "applied_by", nullable=False, schema="accounts")
