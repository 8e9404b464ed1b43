"""The end that a version's own retirement set, so that a withdrawn successor can give the days back.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_RETIRED = "(status = 'retired') = (retired_from IS NOT NULL)"


def upgrade() -> None:
    op.add_column(
        "methodology_version",
        sa.Column(
            "retired_from",
            sa.Date(),
            nullable=True,
            comment="the end that its own retirement set; a successor may end it earlier",
        ),
        schema="accounting",
    )
    op.execute("UPDATE accounting.methodology_version SET retired_from = effective_to WHERE status = 'retired'")
    op.create_check_constraint(
        op.f("ck_methodology_version_retired"), "methodology_version", _RETIRED, schema="accounting"
    )
    op.execute("GRANT UPDATE (retired_from) ON accounting.methodology_version TO accounting")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_methodology_version_retired"), "methodology_version", schema="accounting")
    op.drop_column("methodology_version", "retired_from", schema="accounting")
