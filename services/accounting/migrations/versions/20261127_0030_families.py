"""Families: rules of households, family cards, agreements, and what was spent for others.

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "household_rule",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "limit_mg", sa.BigInteger(), nullable=False, comment="of one member in a month, for any_member_up_to"
        ),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_rule")),
        schema="accounting",
    )
    op.create_table(
        "family_card",
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the card's"),
        sa.Column(
            "proxy_account_id", sa.Uuid(), nullable=True, comment="who may see and spend its grams; null: nobody"
        ),
        sa.Column("limit_mg", sa.BigInteger(), nullable=False, comment="of its proxy in a month"),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_family_card")),
        schema="accounting",
    )
    op.create_index("ix_family_card_account", "family_card", ["account_id"], schema="accounting")
    _spends()
    _agreements()


def _spends() -> None:
    op.create_table(
        "family_spend",
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column(
            "account_id", sa.Uuid(), nullable=False, comment="whose grams: a household's or a family card's account"
        ),
        sa.Column("spender_account_id", sa.Uuid(), nullable=False, comment="who spent them"),
        sa.Column("month", sa.Date(), nullable=False, comment="first day of the local month"),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False, comment="order:<item> or donation:<campaign>"),
        sa.Column("agreement_id", sa.Uuid(), nullable=True, comment="null: within the spender's monthly limit"),
        sa.Column("spent_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_family_spend_amount_positive")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_family_spend")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_family_spend_agreement_id")),
        schema="accounting",
    )
    op.create_index(
        "ix_family_spend_month",
        "family_spend",
        ["account_id", "spender_account_id", "month"],
        schema="accounting",
    )
    op.create_index("ix_family_spend_spender", "family_spend", ["spender_account_id"], schema="accounting")
    op.create_index("ix_family_spend_newest", "family_spend", ["account_id", "hold_id"], schema="accounting")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.family_spend FROM accounting")


def _agreements() -> None:
    op.create_table(
        "agreement",
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False, comment="account of the member who will spend"),
        sa.Column("about", sa.Text(), nullable=False, comment="order:<item> or donation:<campaign>"),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False, comment="at most"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_agreement_amount_positive")),
        sa.CheckConstraint("status IN ('open', 'spent', 'refused', 'withdrawn')", name=op.f("ck_agreement_status")),
        sa.CheckConstraint("(status = 'open') = (ended_at IS NULL)", name=op.f("ck_agreement_ended")),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_agreement")),
        schema="accounting",
    )
    op.create_index("ix_agreement_household", "agreement", ["household_id", "agreement_id"], schema="accounting")
    op.create_index("ix_agreement_proposed_by", "agreement", ["proposed_by"], schema="accounting")
    op.create_table(
        "agreement_member",
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="of a member who agreed"),
        sa.Column("agreed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"],
            ["accounting.agreement.agreement_id"],
            name=op.f("fk_agreement_member_agreement_id_agreement"),
        ),
        sa.PrimaryKeyConstraint("agreement_id", "account_id", name=op.f("pk_agreement_member")),
        schema="accounting",
    )
    op.create_index("ix_agreement_member_account", "agreement_member", ["account_id"], schema="accounting")


def downgrade() -> None:
    for table in ("agreement_member", "agreement", "family_spend", "family_card", "household_rule"):
        op.drop_table(table, schema="accounting")
