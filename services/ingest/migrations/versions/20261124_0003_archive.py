"""The archive partitioned by month; imported files, reconciliation reports, what operators did with dead letters.

Revision ID: 20261124_0003
Revises: 20261124_0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_0003"
down_revision = "20261124_0002"
branch_labels = None
depends_on = None

_JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    _archive_functions()
    _partition_archive()
    _imports()
    _reconciliation()
    _dead_letters()


_BOUND = """
CREATE FUNCTION ingest.receipt_bound(at timestamptz) RETURNS uuid LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$
"""

# The service's role may not change tables; these two do the only changes it needs, with their owner's rights.
_MAKE = """
CREATE FUNCTION ingest.make_archive_partitions(at timestamptz, ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  made int := 0; begins timestamptz; ends timestamptz; name text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('ingest.archive_partition')) THEN RETURN 0; END IF;
  FOR n IN 0..least(ahead, 24) LOOP
    begins := (date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => n)) AT TIME ZONE 'UTC';
    ends := ((begins AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    CONTINUE WHEN EXISTS (SELECT FROM ingest.archive_partition p WHERE p.starts_at < ends AND p.ends_at > begins);
    name := 'reported_event_' || to_char(begins AT TIME ZONE 'UTC', 'YYYYMM');
    EXECUTE format('CREATE TABLE ingest.%I (LIKE ingest.reported_event INCLUDING ALL) WITH (fillfactor = 80)', name);
    LOCK TABLE ingest.reported_event IN SHARE UPDATE EXCLUSIVE MODE;
    LOCK TABLE ingest.reported_event_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
      'WITH moved AS (DELETE FROM ingest.reported_event_default WHERE receipt_id >= %L AND receipt_id < %L RETURNING *)'
      ' INSERT INTO ingest.%I SELECT * FROM moved', ingest.receipt_bound(begins), ingest.receipt_bound(ends), name);
    EXECUTE format('ALTER TABLE ingest.reported_event ATTACH PARTITION ingest.%I FOR VALUES FROM (%L) TO (%L)',
      name, ingest.receipt_bound(begins), ingest.receipt_bound(ends));
    INSERT INTO ingest.archive_partition VALUES (name, begins, ends);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$
"""
_DROP = """
CREATE FUNCTION ingest.drop_archive_partitions(before timestamptz, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  dropped int := 0; victim text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('ingest.archive_partition')) THEN RETURN 0; END IF;
  FOR victim IN SELECT p.name FROM ingest.archive_partition p WHERE p.ends_at <= before ORDER BY p.ends_at LIMIT most
  LOOP
    EXECUTE format('DROP TABLE ingest.%I', victim);
    DELETE FROM ingest.archive_partition p WHERE p.name = victim;
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$
"""
_ATTACH_WHAT_IS_THERE = """
DO $$
DECLARE
  ends timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
  name text := 'reported_event_until_' || to_char(ends AT TIME ZONE 'UTC', 'YYYYMM');
  bound uuid := ingest.receipt_bound(ends);
BEGIN
  INSERT INTO ingest.reported_event_default SELECT * FROM ingest.reported_event_plain WHERE receipt_id >= bound;
  DELETE FROM ingest.reported_event_plain WHERE receipt_id >= bound;
  EXECUTE format('ALTER TABLE ingest.reported_event_plain RENAME TO %I', name);
  EXECUTE format('ALTER TABLE ingest.reported_event ATTACH PARTITION ingest.%I FOR VALUES FROM (MINVALUE) TO (%L)',
    name, bound);
  INSERT INTO ingest.archive_partition VALUES (name, '-infinity', ends);
END $$
"""


def _archive_functions() -> None:
    op.create_table(
        "archive_partition",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_archive_partition")),
        schema="ingest",
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE ON ingest.archive_partition FROM ingest")
    op.execute(_BOUND)
    op.execute(_MAKE)
    op.execute(_DROP)
    for function in (
        "receipt_bound(timestamptz)",
        "make_archive_partitions(timestamptz, int)",
        "drop_archive_partitions(timestamptz, int)",
    ):
        op.execute(f"REVOKE EXECUTE ON FUNCTION ingest.{function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION ingest.{function} TO ingest")


def _partition_archive() -> None:
    """What is archived stays where it is: the plain table becomes the first partition, nothing is copied."""
    op.add_column("reported_event", sa.Column("occurred_on", sa.Date(), nullable=True), schema="ingest")
    op.add_column("reported_event", sa.Column("fingerprint", sa.LargeBinary(), nullable=True), schema="ingest")
    # The contract admits a million; a record that says so must not stop the consumer at a column's bound.
    for column in ("receipt_accepted", "receipt_rejected"):
        op.execute(f"ALTER TABLE ingest.reported_event ALTER COLUMN {column} TYPE integer")
    op.execute(
        "UPDATE ingest.reported_event SET occurred_on ="
        " ((act->>'started_at')::timestamptz AT TIME ZONE 'Asia/Shanghai')::date WHERE act IS NOT NULL"
    )
    op.execute("ALTER TABLE ingest.reported_event RENAME TO reported_event_plain")
    op.execute("ALTER INDEX ingest.pk_reported_event RENAME TO pk_reported_event_plain")
    for index in ("event_key", "received_at"):
        op.execute(f"ALTER INDEX ingest.ix_reported_event_{index} RENAME TO ix_reported_event_plain_{index}")
    op.execute(
        "CREATE TABLE ingest.reported_event (LIKE ingest.reported_event_plain INCLUDING DEFAULTS INCLUDING COMMENTS)"
        " PARTITION BY RANGE (receipt_id)"
    )
    op.execute(
        "ALTER TABLE ingest.reported_event ADD CONSTRAINT pk_reported_event PRIMARY KEY (receipt_id, item_index)"
    )
    op.create_index("ix_reported_event_event_key", "reported_event", ["event_key"], schema="ingest")
    op.create_index(
        "ix_reported_event_received_at", "reported_event", ["received_at"], schema="ingest", postgresql_using="brin"
    )
    op.create_index(
        "ix_reported_event_partner_id_occurred_on", "reported_event", ["partner_id", "occurred_on"], schema="ingest"
    )
    op.execute("CREATE TABLE ingest.reported_event_default PARTITION OF ingest.reported_event DEFAULT")
    op.execute("COMMENT ON COLUMN ingest.reported_event.occurred_on IS 'the act''s day in the programme''s time zone'")
    op.execute(
        "COMMENT ON COLUMN ingest.reported_event.fingerprint IS 'SHA-256 of type, account key and act: not the account'"
    )
    op.execute(_ATTACH_WHAT_IS_THERE)
    op.execute("SELECT ingest.make_archive_partitions(now(), 2)")


def _imports() -> None:
    op.create_table(
        "import_job",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True, comment="of a reconciliation"),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("compression", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=True, comment="of lines that do not say theirs"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("part_bytes", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("next_line", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("next_block", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("header", postgresql.ARRAY(sa.Text()), nullable=True, comment="of a CSV file"),
        sa.Column("holder", sa.Text(), nullable=True, comment="the worker that has the file open"),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True, comment="the last part was there"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mode IN ('import', 'reconcile')", name=op.f("ck_import_job_mode")),
        sa.CheckConstraint(
            "status IN ('uploading', 'queued', 'running', 'done', 'failed')", name=op.f("ck_import_job_status")
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_import_job")),
        schema="ingest",
    )
    op.create_index("ix_import_job_partner_id_import_id", "import_job", ["partner_id", "import_id"], schema="ingest")
    op.create_index(
        "ix_import_job_open",
        "import_job",
        ["import_id"],
        schema="ingest",
        postgresql_where=sa.text("status IN ('uploading', 'queued', 'running')"),
    )
    op.create_table(
        "import_part",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("part_no", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["ingest.import_job.import_id"], name=op.f("fk_import_part_import_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "part_no", name=op.f("pk_import_part")),
        schema="ingest",
    )
    # Not compressed a second time: most files come as gzip.
    op.execute("ALTER TABLE ingest.import_part ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_table(
        "import_line_error",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["ingest.import_job.import_id"],
            name=op.f("fk_import_line_error_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "line_no", name=op.f("pk_import_line_error")),
        schema="ingest",
    )


def _reconciliation() -> None:
    op.create_table(
        "reconciliation_line",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), nullable=False),
        sa.Column("event_key", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("act", _JSONB, nullable=False),
        sa.PrimaryKeyConstraint("report_id", "line_no", name=op.f("pk_reconciliation_line")),
        schema="ingest",
    )
    op.create_table(
        "reconciliation_report",
        sa.Column("report_id", sa.Uuid(), nullable=False, comment="the import that brought the partner's file"),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ours", _JSONB, nullable=False),
        sa.Column("theirs", _JSONB, nullable=False),
        sa.Column("differences", _JSONB, nullable=False, comment="count of each kind"),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_reconciliation_report")),
        schema="ingest",
    )
    op.create_index(
        "ix_reconciliation_report_day_partner_id", "reconciliation_report", ["day", "partner_id"], schema="ingest"
    )
    op.create_table(
        "reconciliation_difference",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("line_no", sa.BigInteger(), server_default="0", nullable=False, comment="0: not in their file"),
        sa.Column("ours", _JSONB, nullable=True),
        sa.Column("theirs", _JSONB, nullable=True),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["ingest.reconciliation_report.report_id"],
            name=op.f("fk_reconciliation_difference_report_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("report_id", "kind", "event_id", "line_no", name=op.f("pk_reconciliation_difference")),
        schema="ingest",
    )


def _dead_letters() -> None:
    op.create_table(
        "dead_letter_resolution",
        sa.Column("dead_letter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="who: the subject of the operator's token"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True, comment="what was published; null for a discarded one"),
        sa.Column("resolved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("action IN ('replayed', 'discarded')", name=op.f("ck_dead_letter_resolution_action")),
        sa.ForeignKeyConstraint(
            ["dead_letter_id"],
            ["ingest.dead_letter.id"],
            name=op.f("fk_dead_letter_resolution_dead_letter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letter_resolution")),
        schema="ingest",
    )


def downgrade() -> None:
    for table in (
        "dead_letter_resolution",
        "reconciliation_difference",
        "reconciliation_report",
        "reconciliation_line",
        "import_line_error",
        "import_part",
        "import_job",
    ):
        op.drop_table(table, schema="ingest")
    op.execute(
        "CREATE TABLE ingest.reported_event_plain (LIKE ingest.reported_event INCLUDING ALL) WITH (fillfactor = 80)"
    )
    op.execute("INSERT INTO ingest.reported_event_plain SELECT * FROM ingest.reported_event")
    op.execute("DROP TABLE ingest.reported_event")
    op.execute("ALTER TABLE ingest.reported_event_plain RENAME TO reported_event")
    op.execute("ALTER TABLE ingest.reported_event DROP COLUMN occurred_on, DROP COLUMN fingerprint")
    op.execute("ALTER TABLE ingest.reported_event RENAME CONSTRAINT reported_event_plain_pkey TO pk_reported_event")
    for index in ("event_key", "received_at"):
        op.execute(f"ALTER INDEX ingest.reported_event_plain_{index}_idx RENAME TO ix_reported_event_{index}")
    op.execute("DROP FUNCTION ingest.make_archive_partitions, ingest.drop_archive_partitions, ingest.receipt_bound")
    op.drop_table("archive_partition", schema="ingest")
