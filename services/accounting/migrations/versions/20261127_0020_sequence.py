"""One owner of an outcome's sequence; the receipt of a correction; a queue of activities whose room became free.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# Earlier releases announced a waiting correction as parked with sequence 1, and its final verdict with sequence 2.
_ANNOUNCED = """
UPDATE accounting.correction c SET sequence = CASE WHEN c.status = 'waiting' THEN 1 ELSE 2 END,
    receipt_id = coalesce(a.receipt_id, (c.report->>'receipt_id')::uuid),
    receipt_index = coalesce(a.receipt_index, (c.report->>'index')::int)
FROM accounting.correction o LEFT JOIN accounting.activity a ON a.activity_id = o.event_key
WHERE o.event_key = c.event_key"""
# The activity of a correction began with 1 while 2 was announced, so its later verdicts were dropped as old.
_CONTINUED = """
UPDATE accounting.activity a SET sequence = a.sequence + 1
FROM accounting.correction c WHERE c.event_key = a.activity_id"""
# A correction is counted once it is settled.
_NOT_YET_COUNTED = """
UPDATE accounting.intake_tally t SET events = t.events - w.events
FROM (SELECT partner_id, (received_at AT TIME ZONE 'Asia/Shanghai')::date AS received_on, count(*) AS events
      FROM accounting.correction WHERE status = 'waiting' GROUP BY 1, 2) w
WHERE (t.partner_id, t.received_on, t.status, t.reason_code)
    = (w.partner_id, w.received_on, 'parked', 'ORIGINAL_UNKNOWN')"""


def upgrade() -> None:
    op.add_column(
        "correction",
        sa.Column(
            "sequence", sa.SmallInteger(), server_default="0", nullable=False, comment="of the last verdict; 0 = none"
        ),
        schema="accounting",
    )
    op.add_column(
        "correction",
        sa.Column("receipt_id", sa.Uuid(), nullable=True, comment="of the copy that counts; null in old rows"),
        schema="accounting",
    )
    op.add_column("correction", sa.Column("receipt_index", sa.Integer(), nullable=True), schema="accounting")
    op.execute(_ANNOUNCED)
    op.execute(_CONTINUED)
    op.execute(_NOT_YET_COUNTED)
    op.create_table(
        "freed_room",
        sa.Column("activity_id", sa.Uuid(), nullable=False, comment="of an activity that was taken back"),
        sa.Column("after_at", sa.DateTime(timezone=True), nullable=True, comment="start of the last act judged again"),
        sa.Column("after_id", sa.Uuid(), nullable=True, comment="its activity"),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_freed_room")),
        schema="accounting",
    )
    op.create_index("ix_household_member_household", "household_member", ["household_id"], schema="accounting")


def downgrade() -> None:
    op.drop_index("ix_household_member_household", "household_member", schema="accounting")
    op.drop_table("freed_room", schema="accounting")
    op.execute(
        "UPDATE accounting.activity a SET sequence = a.sequence - 1"
        " FROM accounting.correction c WHERE c.event_key = a.activity_id AND a.sequence > 1"
    )
    for column in ("receipt_index", "receipt_id", "sequence"):
        op.drop_column("correction", column, schema="accounting")
