"""Which pepper makes new look-up hashes, and the keys that sign tokens.

Revision ID: 20261127_0008
Revises: 20261127_0007
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0008"
down_revision = "20261127_0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables empty: the first writer of a hash records the key that fits the rows."""
    op.create_table(
        "lookup_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("users_through", sa.Uuid(), nullable=True),
        sa.Column("phones_through", sa.Uuid(), nullable=True),
        sa.Column("rehashed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('current', 'former')", name=op.f("ck_lookup_key_state")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_lookup_key")),
        schema="accounts",
    )
    op.create_index(
        "uq_lookup_key_current",
        "lookup_key",
        ["state"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "signing_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("signs_from", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_signing_key")),
        schema="accounts",
    )


def downgrade() -> None:
    op.drop_table("signing_key", schema="accounts")
    op.drop_table("lookup_key", schema="accounts")
