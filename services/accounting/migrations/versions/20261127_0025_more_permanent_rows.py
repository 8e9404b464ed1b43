"""Nobody removes factors, versions, drafts, marks of mends or expired years, nor the owner of the tables.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_NEVER_CHANGED = ("factor", "mended_report")
_NEVER_REMOVED = ("gram_year", "methodology_draft", "methodology_version")


def upgrade() -> None:
    for table in _NEVER_CHANGED:
        _refuse(table, "UPDATE OR DELETE OR TRUNCATE")
    for table in _NEVER_REMOVED:
        _refuse(table, "DELETE OR TRUNCATE")


def _refuse(table: str, operations: str) -> None:
    op.execute(
        f"CREATE TRIGGER refuse_change BEFORE {operations} ON accounting.{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounting.refuse_change()"
    )


def downgrade() -> None:
    for table in (*_NEVER_CHANGED, *_NEVER_REMOVED):
        op.execute(f"DROP TRIGGER refuse_change ON accounting.{table}")
