"""Acts that were refused because another act has used their number, meter or vehicle: they may get it when it is freed.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_EARLIER = """
INSERT INTO accounting.refused_claim (activity_id, number_key, use_key)
SELECT activity_id,
    CASE WHEN act->>'natural_key' ~ '^[0-9a-f]{16}'
        THEN ('x' || left(act->>'natural_key', 16))::bit(64)::bigint # (1::bigint << 63) END,
    coalesce(act->>'meter_key', act->>'vehicle_key')::uuid
FROM accounting.activity
WHERE status = 'refused' AND act IS NOT NULL
    AND reason_code IN ('COUNTED_ELSEWHERE', 'VEHICLE_COUNTED', 'METER_COUNTED')"""


def upgrade() -> None:
    op.create_table(
        "refused_claim",
        sa.Column(
            "activity_id",
            sa.Uuid(),
            nullable=False,
            comment="of an act refused because another person's act counts",
        ),
        sa.Column("number_key", sa.BigInteger(), nullable=True),
        sa.Column("use_key", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_refused_claim")),
        schema="accounting",
    )
    for column in ("number_key", "use_key"):
        op.create_index(
            f"ix_refused_claim_{column}",
            "refused_claim",
            [column],
            schema="accounting",
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.execute(_EARLIER)


def downgrade() -> None:
    op.drop_table("refused_claim", schema="accounting")
