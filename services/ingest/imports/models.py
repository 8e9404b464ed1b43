"""Tables of imported files. The bytes are kept in the database, so that a worker on any machine can continue."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.ingest.database import metadata

import_job = Table(
    "import_job",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("partner_id", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("day", Date, comment="of a reconciliation"),
    Column("file_name", Text),
    Column("format", Text, nullable=False),
    Column("compression", Text, nullable=False),
    Column("event_type", Text, comment="of lines that do not say theirs"),
    Column("charset", Text, comment="as stated by the partner; null: not stated, so UTF-8"),
    Column("zone", Text, comment="of times without an offset in a CSV file"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("part_bytes", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("failure", Text),
    Column("turn_at", DateTime(timezone=True), comment="when it was last worked on"),
    Column("next_line", BigInteger, nullable=False, server_default="1"),
    Column("next_block", Integer, nullable=False, server_default="0"),
    Column("bytes_read", BigInteger, nullable=False, server_default="0"),
    Column("accepted", BigInteger, nullable=False, server_default="0"),
    Column("rejected", BigInteger, nullable=False, server_default="0"),
    Column("header", ARRAY(Text), comment="of a CSV file"),
    Column("holder", Text, comment="the worker that has the file open"),
    Column("lease_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("completed_at", DateTime(timezone=True), comment="the last part was there"),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("mode IN ('import', 'reconcile')", name="mode"),
    CheckConstraint("status IN ('uploading', 'queued', 'running', 'done', 'failed')", name="status"),
)
Index("ix_import_job_partner_id_import_id", import_job.c.partner_id, import_job.c.import_id)
Index(
    "ix_import_job_open",
    import_job.c.import_id,
    postgresql_where=text("status IN ('uploading', 'queued', 'running')"),
)

import_part = Table(
    "import_part",
    metadata,
    Column("import_id", Uuid, ForeignKey(import_job.c.import_id, ondelete="CASCADE"), primary_key=True),
    Column("part_no", Integer, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

import_line_error = Table(
    "import_line_error",
    metadata,
    Column("import_id", Uuid, ForeignKey(import_job.c.import_id, ondelete="CASCADE"), primary_key=True),
    Column("line_no", BigInteger, primary_key=True),
    Column("event_id", Text),
    Column("code", Text, nullable=False),
    Column("field", Text),
)
