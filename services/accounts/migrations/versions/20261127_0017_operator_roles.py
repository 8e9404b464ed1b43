"""Roles of operators that two others have given or withheld.

Revision ID: 20261127_0017
Revises: 20261127_0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_0017"
down_revision = "20261127_0015"
branch_labels = None
depends_on = None

_COLUMNS = ("given_roles", "withheld_roles")


def upgrade() -> None:
    for name in _COLUMNS:
        column = sa.Column(name, postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False)
        op.add_column("operator_account", column, schema="accounts")


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("operator_account", name, schema="accounts")
