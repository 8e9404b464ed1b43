"""Nobody removes proposals, nor the owner of the tables.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE ON rewards.approval"
        " FOR EACH STATEMENT EXECUTE FUNCTION rewards.refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER refuse_change ON rewards.approval")
