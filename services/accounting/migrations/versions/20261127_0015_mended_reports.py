"""Which events come from a record that two operators mended.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mended_report",
        sa.Column(
            "activity_id",
            sa.Uuid(),
            nullable=False,
            comment="of an activity or correction whose record was mended",
        ),
        sa.Column(
            "proposal_id", sa.Uuid(), nullable=False, comment="the approved proposal, of this service or of ingest"
        ),
        sa.Column(
            "fields",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="what the operators changed, as dotted paths",
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_mended_report")),
        schema="accounting",
    )
    # A mark is never changed or taken away.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.mended_report FROM accounting")


def downgrade() -> None:
    op.drop_table("mended_report", schema="accounting")
