"""Expiry of old grams.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gram_period",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Uuid(), comment="people up to this account id have been looked at"),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_gram_period")),
        schema="accounting",
    )
    op.create_table(
        "gram_year",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "received_mg",
            sa.BigInteger(),
            nullable=False,
            comment="all that ever became available to the person by the end of the year, whatever became of it",
        ),
        sa.Column("expired_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("looked_on", sa.Date(), comment="day of the last run that considered it"),
        sa.Column(
            "done", sa.Boolean(), server_default="false", nullable=False, comment="nothing of it is left, nor held"
        ),
        sa.CheckConstraint("received_mg > 0 AND expired_mg >= 0", name=op.f("ck_gram_year_amounts")),
        sa.PrimaryKeyConstraint("account_id", "year", name=op.f("pk_gram_year")),
        schema="accounting",
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "ix_gram_year_open",
        "gram_year",
        ["year", "account_id"],
        schema="accounting",
        postgresql_where=sa.text("NOT done"),
    )
    op.create_index(
        "uq_posting_expire_of_day",
        "posting",
        ["debit_account_id", "credit_account_id", "requested_by"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("kind = 'expire'"),
    )
    # A year's row is a fact that expiries are computed from: it is written once and only marked afterwards.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.gram_year FROM accounting")
    op.execute("GRANT UPDATE (expired_mg, looked_on, done) ON accounting.gram_year TO accounting")


def downgrade() -> None:
    op.drop_index("uq_posting_expire_of_day", table_name="posting", schema="accounting")
    op.drop_table("gram_year", schema="accounting")
    op.drop_table("gram_period", schema="accounting")
