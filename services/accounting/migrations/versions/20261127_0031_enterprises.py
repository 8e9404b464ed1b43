"""Projections of enterprises with their members, and of mandates.

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "enterprise",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.JSONB(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the enterprise's"),
        sa.PrimaryKeyConstraint("enterprise_id", name=op.f("pk_enterprise")),
        schema="accounting",
    )
    op.create_table(
        "enterprise_member",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the person's"),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_enterprise_member")),
        schema="accounting",
    )
    op.create_index(
        "ix_enterprise_member_person",
        "enterprise_member",
        ["account_id", "enterprise_id"],
        unique=False,
        schema="accounting",
    )
    op.create_table(
        "mandate",
        sa.Column("mandate_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the person's"),
        sa.Column("platform_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scenes", postgresql.JSONB(), nullable=False),
        sa.Column("terms_version", sa.Text(), nullable=False),
        sa.Column("terms_sha256", sa.Text(), nullable=False),
        sa.Column("threshold_mg", sa.BigInteger(), nullable=True, comment="at most in a calendar year; null: no limit"),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("mandate_id", name=op.f("pk_mandate")),
        schema="accounting",
    )
    op.create_index("ix_mandate_account", "mandate", ["account_id"], unique=False, schema="accounting")


def downgrade() -> None:
    for table in ("mandate", "enterprise_member", "enterprise"):
        op.drop_table(table, schema="accounting")
