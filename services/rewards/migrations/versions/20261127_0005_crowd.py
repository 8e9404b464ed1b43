"""Orders can be given back, refusals free their client_request_id, vouchers know whether their code was seen.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_REFUSED = "status = 'cancelled' AND reason_code <> 'CALLED_OFF'"
_OPEN = "status IN ('pending', 'cancelling', 'returning')"
_OPEN_BEFORE = "status IN ('pending', 'cancelling')"


def _set_checks(table: str, *, status: str, reason_code: str) -> None:
    for name, rule in (("status", status), ("reason_code", reason_code)):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema="rewards")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule, schema="rewards")


def _set_open_index(table: str, rule: str) -> None:
    op.drop_index(f"ix_{table}_open", table_name=table, schema="rewards")
    op.create_index(f"ix_{table}_open", table, ["next_attempt_at"], schema="rewards", postgresql_where=sa.text(rule))


def upgrade() -> None:
    for table in ("orders", "donation"):
        comment = "of the item or campaign, as it was; for accounting's lines"
        op.add_column(table, sa.Column("title_zh", sa.Text(), comment=comment), schema="rewards")
        op.add_column(table, sa.Column("title_en", sa.Text()), schema="rewards")
        _set_checks(
            table,
            status="status IN ('pending', 'cancelling', 'confirmed', 'returning', 'cancelled')",
            reason_code="(status IN ('cancelling', 'returning', 'cancelled')) = (reason_code IS NOT NULL)",
        )
        _set_open_index(table, _OPEN)
    op.drop_constraint(op.f("uq_orders_user_id_client_request_id"), "orders", schema="rewards")
    op.create_index(
        "uq_orders_client_request",
        "orders",
        ["user_id", "client_request_id"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text(f"NOT ({_REFUSED})"),
    )
    _vouchers()


def _vouchers() -> None:
    op.add_column(
        "voucher",
        sa.Column("opened_at", sa.DateTime(timezone=True), comment="when its owner first saw the code"),
        schema="rewards",
    )
    false = sa.text("false")
    op.add_column(
        "voucher",
        sa.Column(
            "withdrawn", sa.Boolean(), server_default=false, nullable=False, comment="its order is being returned"
        ),
        schema="rewards",
    )
    op.add_column(
        "voucher",
        sa.Column(
            "imported",
            sa.Boolean(),
            server_default=false,
            nullable=False,
            comment="a code of the partner's own system: it cannot be replaced",
        ),
        schema="rewards",
    )
    # Nobody knows which of the earlier codes were seen: all count as seen, so none is handed out a second time.
    op.execute("UPDATE rewards.voucher SET opened_at = assigned_at WHERE assigned_at IS NOT NULL")


def downgrade() -> None:
    for column in ("imported", "withdrawn", "opened_at"):
        op.drop_column("voucher", column, schema="rewards")
    op.drop_index("uq_orders_client_request", table_name="orders", schema="rewards")
    op.create_unique_constraint(
        op.f("uq_orders_user_id_client_request_id"), "orders", ["user_id", "client_request_id"], schema="rewards"
    )
    for table in ("orders", "donation"):
        _set_open_index(table, _OPEN_BEFORE)
        _set_checks(
            table,
            status="status IN ('pending', 'cancelling', 'confirmed', 'cancelled')",
            reason_code="(status IN ('cancelling', 'cancelled')) = (reason_code IS NOT NULL)",
        )
        for column in ("title_en", "title_zh"):
            op.drop_column(table, column, schema="rewards")
