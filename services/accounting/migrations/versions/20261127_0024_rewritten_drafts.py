"""Which drafts have another text than the one they began with.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "methodology_draft",
        sa.Column(
            "rewritten",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="published only with the hash of the text that its publisher read",
        ),
        schema="accounting",
    )
    op.execute(
        "UPDATE accounting.methodology_draft d SET rewritten = true WHERE EXISTS (SELECT FROM accounting.audit_log a"
        " WHERE a.action = 'draft.rewrite' AND a.after->>'draft_id' = d.draft_id::text)"
    )


def downgrade() -> None:
    op.drop_column("methodology_draft", "rewritten", schema="accounting")
