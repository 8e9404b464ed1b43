"""Confirmations at partners, their tokens until revoked, pending bindings, reasons of ends.

Revision ID: 20261127_0009
Revises: 20261127_0008
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0009"
down_revision = "20261127_0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("binding", sa.Column("confirm_before", _TIME, nullable=True), schema="accounts")
    op.add_column("binding", sa.Column("ended_reason", sa.Text(), nullable=True), schema="accounts")
    op.create_check_constraint(
        op.f("ck_binding_confirmed"),
        "binding",
        "(status = 'pending') = (confirm_before IS NOT NULL)",
        schema="accounts",
    )
    op.create_check_constraint(
        op.f("ck_binding_ended_reason"), "binding", "ended_reason IS NULL OR status = 'ended'", schema="accounts"
    )
    op.create_index(
        "ix_binding_unconfirmed",
        "binding",
        ["confirm_before"],
        schema="accounts",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        op.f("ix_binding_partner_id_binding_id"), "binding", ["partner_id", "binding_id"], schema="accounts"
    )
    _authorizations()
    _grants()


def _authorizations() -> None:
    op.create_table(
        "binding_authorization",
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("binding_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_binding_authorization")),
        schema="accounts",
    )
    for column in ("expires_at", "user_id"):
        name = op.f(f"ix_binding_authorization_{column}")
        op.create_index(name, "binding_authorization", [column], schema="accounts")


def _grants() -> None:
    op.create_table(
        "partner_grant",
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("tokens_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=True),
        sa.Column("revoke_at", _TIME, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_partner_grant_attempts")),
        sa.CheckConstraint("binding_id IS NOT NULL OR revoke_at IS NOT NULL", name=op.f("ck_partner_grant_ends")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_partner_grant")),
        schema="accounts",
    )
    op.create_index(
        "ix_partner_grant_due",
        "partner_grant",
        ["revoke_at"],
        schema="accounts",
        postgresql_where=sa.text("revoke_at IS NOT NULL"),
    )
    for column in ("binding_id", "user_id"):
        op.create_index(op.f(f"ix_partner_grant_{column}"), "partner_grant", [column], schema="accounts")


def downgrade() -> None:
    op.drop_table("partner_grant", schema="accounts")
    op.drop_table("binding_authorization", schema="accounts")
    op.drop_index(op.f("ix_binding_partner_id_binding_id"), table_name="binding", schema="accounts")
    op.drop_index("ix_binding_unconfirmed", table_name="binding", schema="accounts")
    for name in ("ended_reason", "confirmed"):
        op.drop_constraint(op.f(f"ck_binding_{name}"), "binding", schema="accounts")
    for name in ("ended_reason", "confirm_before"):
        op.drop_column("binding", name, schema="accounts")
