"""The account of each person who said to be under 14: two operators may correct the age, and name the account only.

Revision ID: 20261127_0020
Revises: 20261127_0019
"""

import sqlalchemy as sa
from alembic import op

from shared.contracts.identity import person_account_id

revision = "20261127_0020"
down_revision = "20261127_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("declared_age", sa.Column("account_id", sa.Uuid(), nullable=True), schema="accounts")
    connection = op.get_bind()
    for (user_id,) in connection.execute(sa.text("SELECT user_id FROM accounts.declared_age")).all():
        connection.execute(
            sa.text("UPDATE accounts.declared_age SET account_id = :account_id WHERE user_id = :user_id"),
            {"account_id": person_account_id(user_id), "user_id": user_id},
        )
    op.alter_column("declared_age", "account_id", nullable=False, schema="accounts")
    op.create_unique_constraint(op.f("uq_declared_age_account_id"), "declared_age", ["account_id"], schema="accounts")


def downgrade() -> None:
    op.drop_column("declared_age", "account_id", schema="accounts")
