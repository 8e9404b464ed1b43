"""Spends and refunds: titles and refusals of holds, the list of capture targets.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Receivers of earlier captures. Two operators add the others.
_EARLIER = """
INSERT INTO accounting.capture_target (code, title_zh, title_en)
SELECT code, split_part(code, ':', 2), split_part(code, ':', 2) FROM accounting.ledger_account
WHERE code ~ '^(redeemed|donated):[A-Za-z0-9._-]{1,60}$'"""
_CHECKS = ("status", "captured_to")


def _set_checks(status: str, captured_to: str) -> None:
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_hold_{name}"), "hold", schema="accounting")
    # NOT VALID and then VALIDATE: the second statement reads the table without locking out its writers.
    for name, rule in zip(_CHECKS, (status, captured_to), strict=True):
        op.execute(f"ALTER TABLE accounting.hold ADD CONSTRAINT ck_hold_{name} CHECK ({rule}) NOT VALID")
        op.execute(f"ALTER TABLE accounting.hold VALIDATE CONSTRAINT ck_hold_{name}")


def upgrade() -> None:
    op.add_column(
        "hold",
        sa.Column("title_zh", sa.Text(), comment="what the grams were spent on, for the statement of account"),
        schema="accounting",
    )
    op.add_column("hold", sa.Column("title_en", sa.Text()), schema="accounting")
    op.add_column(
        "hold",
        sa.Column(
            "refusal", sa.Text(), comment="of a spend that was refused: the code, repeated to a repeated request"
        ),
        schema="accounting",
    )
    _set_checks(
        "status IN ('held', 'captured', 'voided', 'expired', 'refunded')",
        "(status IN ('captured', 'refunded')) = (captured_to IS NOT NULL)",
    )
    op.create_table(
        "capture_target",
        sa.Column("code", sa.Text(), nullable=False, comment="redeemed:<sponsor> or donated:<campaign>"),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(r"code ~ '^(redeemed|donated):[A-Za-z0-9._-]{1,60}$'", name=op.f("ck_capture_target_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_capture_target")),
        schema="accounting",
    )
    op.execute(_EARLIER)
    # The service adds what two operators have approved. It changes and removes nothing.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.capture_target FROM accounting")
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting.capture_target"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounting.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("capture_target", schema="accounting")
    _set_checks(
        "status IN ('held', 'captured', 'voided', 'expired')", "(status = 'captured') = (captured_to IS NOT NULL)"
    )
    for column in ("refusal", "title_en", "title_zh"):
        op.drop_column("hold", column, schema="accounting")
