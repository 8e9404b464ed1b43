"""The name of the partner in each binding, for the message that the binding has ended.

Revision ID: 20261127_0018
Revises: 20261127_0017
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0018"
down_revision = "20261127_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("binding", sa.Column("partner_name", sa.Text(), nullable=True), schema="accounts")


def downgrade() -> None:
    op.drop_column("binding", "partner_name", schema="accounts")
