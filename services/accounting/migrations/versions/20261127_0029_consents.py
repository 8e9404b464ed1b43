"""Consents by purpose, and bindings that changed after acts which they decide.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="the person's"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("given_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=True, comment="may lie in the future"),
        sa.PrimaryKeyConstraint("account_id", "purpose", name=op.f("pk_consent")),
        schema="accounting",
    )
    op.create_table(
        "binding_change",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column(
            "account_id", sa.Uuid(), nullable=False, comment="whose binding became known after acts that it decides"
        ),
        sa.Column("since", _TIME, nullable=False, comment="acts received before are not concerned"),
        sa.Column("due_at", _TIME, nullable=False, comment="further changes may arrive until then"),
        sa.PrimaryKeyConstraint("partner_id", "account_id", name=op.f("pk_binding_change")),
        schema="accounting",
    )
    op.create_index(op.f("ix_binding_change_due_at"), "binding_change", ["due_at"], schema="accounting")


def downgrade() -> None:
    op.drop_table("binding_change", schema="accounting")
    op.drop_table("consent", schema="accounting")
