"""One queue of bindings whose acts are looked at again, twice. The queue of ended bindings moves into it.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_MOVE = """
INSERT INTO accounting.binding_change AS c (partner_id, account_id, since, due_at)
SELECT b.partner_id, b.account_id, min(coalesce(b.consent_withdrawn_at, b.ended_at)), now()
FROM accounting.binding_recheck r JOIN accounting.binding b USING (binding_id)
WHERE coalesce(b.consent_withdrawn_at, b.ended_at) IS NOT NULL GROUP BY 1, 2
ON CONFLICT (partner_id, account_id) DO UPDATE SET since = least(c.since, EXCLUDED.since), due_at = now(), looks = 0
"""


def upgrade() -> None:
    op.add_column(
        "binding_change",
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False, comment="made so far"),
        schema="accounting",
    )
    op.execute(_MOVE)
    op.drop_table("binding_recheck", schema="accounting")


def downgrade() -> None:
    op.create_table(
        "binding_recheck",
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False, comment="made so far"),
        sa.PrimaryKeyConstraint("binding_id", name=op.f("pk_binding_recheck")),
        schema="accounting",
    )
    op.create_index("ix_binding_recheck_due", "binding_recheck", ["due_at"], schema="accounting")
    op.drop_column("binding_change", "looks", schema="accounting")
