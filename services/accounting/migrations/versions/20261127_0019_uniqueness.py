"""One physical act, one credit: the numbers, meters and vehicles that credited acts have used up.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# What was credited before keeps its number. Of a number that was credited twice, the first activity keeps it.
_NUMBERS = """
INSERT INTO accounting.counted_number (number_key, activity_id)
SELECT ('x' || left(key, 16))::bit(64)::bigint # (1::bigint << 63), activity_id FROM (
    SELECT activity_id, recorded_at,
        CASE WHEN act->>'natural_key' ~ '^[0-9a-f]{32}$' THEN act->>'natural_key' END AS key
    FROM accounting.activity WHERE status IN ('credited', 'pending')) a
WHERE key IS NOT NULL ORDER BY recorded_at, activity_id ON CONFLICT DO NOTHING"""

_METERS = """
INSERT INTO accounting.counted_use (use_key, ended_at, started_at, activity_id, people)
SELECT (act->>'meter_key')::uuid, greatest(ended_at, occurred_at + interval '1 second'), occurred_at, activity_id, 1
FROM accounting.activity WHERE status IN ('credited', 'pending') AND act->>'meter_key' IS NOT NULL"""


def upgrade() -> None:
    op.create_table(
        "counted_number",
        sa.Column(
            "number_key",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="of a partner's number of a credited act: 64 bits of its keyed hash",
        ),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("number_key", name=op.f("pk_counted_number")),
        schema="accounting",
    )
    op.create_table(
        "counted_use",
        sa.Column(
            "use_key",
            sa.Uuid(),
            nullable=False,
            comment="keyed hash of a meter or vehicle that a credited act used",
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("people", sa.SmallInteger(), nullable=False, comment="who may be credited for it at once"),
        sa.CheckConstraint("people >= 1 AND ended_at >= started_at", name=op.f("ck_counted_use_sound")),
        schema="accounting",
    )
    op.create_index("ix_counted_use", "counted_use", ["use_key", "ended_at"], schema="accounting")
    op.execute(_NUMBERS)
    op.execute(_METERS)


def downgrade() -> None:
    op.drop_table("counted_use", schema="accounting")
    op.drop_table("counted_number", schema="accounting")
