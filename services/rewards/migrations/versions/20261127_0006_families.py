"""Orders and donations from the grams of a household or of a family card.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WHOSE = "whose grams: the user's, a household's or a family card's"


def upgrade() -> None:
    for table in ("orders", "donation"):
        op.alter_column(table, "account_id", comment=_WHOSE, existing_type=sa.Uuid(), schema="rewards")
        op.add_column(
            table,
            sa.Column("spender_id", sa.Uuid(), comment="the user's own account, if the grams are of another one"),
            schema="rewards",
        )
        op.add_column(
            table,
            sa.Column("agreement_id", sa.Uuid(), comment="of the members of the household, in accounting"),
            schema="rewards",
        )


def downgrade() -> None:
    for table in ("orders", "donation"):
        op.drop_column(table, "agreement_id", schema="rewards")
        op.drop_column(table, "spender_id", schema="rewards")
        op.alter_column(table, "account_id", comment=None, existing_type=sa.Uuid(), schema="rewards")
