"""Budgets can be closed and raise an alarm; operators refund orders; a code that was used up stays out of the pool.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_REFUSED = "status = 'cancelled' AND reason_code NOT IN ('CALLED_OFF', 'REFUNDED')"
_REFUSED_BEFORE = "status = 'cancelled' AND reason_code <> 'CALLED_OFF'"


def _set_index(refused: str) -> None:
    op.drop_index("uq_orders_client_request", table_name="orders", schema="rewards")
    op.create_index(
        "uq_orders_client_request",
        "orders",
        ["user_id", "client_request_id"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text(f"NOT ({refused})"),
    )


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.add_column("budget", sa.Column("closed_at", time, comment="no new orders since then"), schema="rewards")
    op.add_column("budget", sa.Column("alarmed_at", time, comment="when 80 % were used; null below"), schema="rewards")
    _set_index(_REFUSED)
    op.add_column(
        "voucher",
        sa.Column(
            "retired",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="its order was refunded and nobody else can get the code; it is no piece any more",
        ),
        schema="rewards",
    )


def downgrade() -> None:
    op.drop_column("voucher", "retired", schema="rewards")
    _set_index(_REFUSED_BEFORE)
    op.drop_column("budget", "alarmed_at", schema="rewards")
    op.drop_column("budget", "closed_at", schema="rewards")
