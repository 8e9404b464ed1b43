"""Nobody removes inbox keys, holds, proposals, digests or audit entries, nor the owner of the tables.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NEVER_CHANGED = ("audit_log", "daily_digest", "digest_block")
_NEVER_REMOVED = ("activity", "hold", "approval")


def upgrade() -> None:
    # A grant binds the role of the service only. Statement triggers bind the owner as well and cost posting nothing.
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
