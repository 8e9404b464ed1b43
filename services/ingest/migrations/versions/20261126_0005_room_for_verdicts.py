"""Half of every archive page is left to the verdicts; the outbox is not compressed.

Revision ID: 20261126_0005
Revises: 20261124_0004
"""

from alembic import op

revision = "20261126_0005"
down_revision = "20261124_0004"
branch_labels = None
depends_on = None

# Verdicts come while the row's first version is still there: below a half, both find room in one page, and no index
# gets a second entry. With 80, three of four verdicts moved to another page and left more behind than is kept free now.
_ROOM = """
DO $$
DECLARE
  leaf regclass;
BEGIN
  FOR leaf IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ingest.reported_event'::regclass LOOP
    EXECUTE format('ALTER TABLE %s SET (fillfactor = {to})', leaf);
  END LOOP;
  EXECUTE replace(pg_get_functiondef('ingest.make_archive_partitions(timestamptz, int)'::regprocedure),
    'fillfactor = {was}', 'fillfactor = {to}');
END $$
"""


def upgrade() -> None:
    op.execute(_ROOM.format(was=80, to=48))
    # Rows live for moments: compressing them costs more than writing them.
    op.execute("ALTER TABLE ingest.outbox ALTER COLUMN records SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE ingest.outbox ALTER COLUMN records SET STORAGE EXTENDED")
    op.execute(_ROOM.format(was=48, to=80))
