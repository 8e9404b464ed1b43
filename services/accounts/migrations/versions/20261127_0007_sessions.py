"""What a person sees of a session, and the moment of its step-up.

Revision ID: 20261127_0007
Revises: 20261127_0006
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0007"
down_revision = "20261127_0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add columns. A session of before has no device, and was last refreshed when it began."""
    op.add_column("login_session", sa.Column("refreshed_at", _TIME, nullable=True), schema="accounts")
    op.add_column("login_session", sa.Column("stepped_up_at", _TIME, nullable=True), schema="accounts")
    op.add_column("login_session", sa.Column("device", sa.Text(), nullable=True), schema="accounts")


def downgrade() -> None:
    for column in ("device", "stepped_up_at", "refreshed_at"):
        op.drop_column("login_session", column, schema="accounts")
