"""Households: members, meters, invitations, and their carbon accounts.

Revision ID: 20261124_0002
Revises: 20261123_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_0002"
down_revision = "20261123_0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "household",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.CheckConstraint("closed_at >= opened_at", name=op.f("ck_household_order")),
        sa.ForeignKeyConstraint(["opened_by"], ["accounts.app_user.user_id"], name=op.f("fk_household_opened_by")),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household")),
        schema="accounts",
    )
    _accounts()
    _members()
    _meters()
    _invitations()


def _accounts() -> None:
    op.alter_column("carbon_account", "user_id", nullable=True, existing_type=sa.Uuid(), schema="accounts")
    op.add_column("carbon_account", sa.Column("household_id", sa.Uuid(), nullable=True), schema="accounts")
    op.create_foreign_key(
        op.f("fk_carbon_account_household_id"),
        "carbon_account",
        "household",
        ["household_id"],
        ["household_id"],
        source_schema="accounts",
        referent_schema="accounts",
    )
    op.create_unique_constraint(
        op.f("uq_carbon_account_household_id"), "carbon_account", ["household_id"], schema="accounts"
    )
    op.drop_constraint(op.f("ck_carbon_account_kind"), "carbon_account", schema="accounts")
    op.create_check_constraint(
        op.f("ck_carbon_account_kind"), "carbon_account", "kind IN ('person', 'household')", schema="accounts"
    )
    op.create_check_constraint(
        op.f("ck_carbon_account_holder"),
        "carbon_account",
        "(kind = 'person') = (user_id IS NOT NULL) AND (kind = 'household') = (household_id IS NOT NULL)",
        schema="accounts",
    )


def _members() -> None:
    op.create_table(
        "household_member",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("joined_at", _TIME, nullable=False),
        sa.Column("left_at", _TIME, nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint("left_at >= joined_at", name=op.f("ck_household_member_order")),
        sa.CheckConstraint("version > 0", name=op.f("ck_household_member_version")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.carbon_account.account_id"], name=op.f("fk_household_member_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["household_id"], ["accounts.household.household_id"], name=op.f("fk_household_member_household_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_household_member_user_id")),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_household_member")),
        schema="accounts",
    )
    op.create_index(op.f("ix_household_member_household_id"), "household_member", ["household_id"], schema="accounts")
    op.create_index(
        op.f("ix_household_member_user_id_membership_id"),
        "household_member",
        ["user_id", "membership_id"],
        schema="accounts",
    )
    op.create_index(
        "uq_household_member_live",
        "household_member",
        ["user_id"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("left_at IS NULL"),
    )


def _meters() -> None:
    op.create_table(
        "household_meter",
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("meter_key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint("ended_at >= since", name=op.f("ck_household_meter_order")),
        sa.CheckConstraint("version > 0", name=op.f("ck_household_meter_version")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["accounts.household.household_id"], name=op.f("fk_household_meter_household_id")
        ),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_household_meter")),
        schema="accounts",
    )
    for name, column in (("meter", "meter_key"), ("household", "household_id")):
        op.create_index(
            f"uq_household_meter_live_{name}",
            "household_meter",
            [column],
            unique=True,
            schema="accounts",
            postgresql_where=sa.text("ended_at IS NULL"),
        )


def _invitations() -> None:
    op.create_table(
        "household_invitation",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["household_id"], ["accounts.household.household_id"], name=op.f("fk_household_invitation_household_id")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["accounts.app_user.user_id"], name=op.f("fk_household_invitation_invited_by")
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"],
            ["accounts.household_member.membership_id"],
            name=op.f("fk_household_invitation_membership_id"),
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_household_invitation")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_household_invitation_expires_at"), "household_invitation", ["expires_at"], schema="accounts"
    )


def downgrade() -> None:
    for table in ("household_invitation", "household_meter", "household_member"):
        op.drop_table(table, schema="accounts")
    op.execute("DELETE FROM accounts.carbon_account WHERE kind = 'household'")
    op.drop_constraint(op.f("ck_carbon_account_holder"), "carbon_account", schema="accounts")
    op.drop_constraint(op.f("ck_carbon_account_kind"), "carbon_account", schema="accounts")
    op.drop_column("carbon_account", "household_id", schema="accounts")
    op.alter_column("carbon_account", "user_id", nullable=False, existing_type=sa.Uuid(), schema="accounts")
    op.create_check_constraint(op.f("ck_carbon_account_kind"), "carbon_account", "kind = 'person'", schema="accounts")
    op.drop_table("household", schema="accounts")
