"""The trigger that keeps replaced verdicts joins its two tables by hash, however few rows it saw first.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The statement of the trigger has no parameters, so a session plans it once, also with force_custom_plan. Planned
    # for an UPDATE of one row, it would compare every old row of a later UPDATE with every new row.
    op.execute("ALTER FUNCTION accounting.keep_replaced_verdicts() SET enable_nestloop = off")


def downgrade() -> None:
    op.execute("ALTER FUNCTION accounting.keep_replaced_verdicts() RESET enable_nestloop")
