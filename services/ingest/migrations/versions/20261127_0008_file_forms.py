"""The stated charset and zone of an imported file.

Revision ID: 20261127_0008
Revises: 20261127_0007
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0008"
down_revision = "20261127_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "import_job",
        sa.Column("charset", sa.Text(), comment="as stated by the partner; null: not stated, so UTF-8"),
        schema="ingest",
    )
    op.add_column(
        "import_job",
        sa.Column("zone", sa.Text(), comment="of times without an offset in a CSV file"),
        schema="ingest",
    )


def downgrade() -> None:
    op.drop_column("import_job", "zone", schema="ingest")
    op.drop_column("import_job", "charset", schema="ingest")
