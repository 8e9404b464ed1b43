"""The table of documents. Each can be made again from its content, so none is kept for good."""

from sqlalchemy import (
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
from sqlalchemy.dialects.postgresql import JSONB

from services.rewards.database import metadata

document = Table(
    "document",
    metadata,
    Column("content_hash", Text, primary_key=True, comment="SHA-256 of the content, the form and the layout"),
    Column("form", Text, nullable=False),
    Column(
        "certificate_no",
        Text,
        ForeignKey("rewards.certificate_holder.certificate_no", ondelete="CASCADE"),
        comment="with the donor's erasure its documents go",
    ),
    Column("user_id", Uuid, comment="whose yearly statement"),
    Column("content", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default="requested"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("file", LargeBinary),
    Column("file_sha256", Text),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("made_at", DateTime(timezone=True)),
    Column("used_on", Date, nullable=False, server_default=func.current_date(), comment="when it was last asked for"),
    Column("last_error", Text),
    CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="content_hash"),
    CheckConstraint("num_nonnulls(certificate_no, user_id) = 1", name="owner"),
    CheckConstraint("state IN ('requested', 'ready')", name="state"),
    CheckConstraint("(state = 'ready') = (num_nonnulls(file, file_sha256, made_at) = 3)", name="ready"),
    CheckConstraint("(state = 'requested') = (num_nulls(file, file_sha256, made_at) = 3)", name="requested"),
    CheckConstraint("file_sha256 = encode(sha256(file), 'hex')", name="file_sha256"),
    CheckConstraint("form IN ('pdf', 'png')", name="form"),
    CheckConstraint("octet_length(file) BETWEEN 1 AND 500000", name="size"),
)
Index("ix_document_due", document.c.due_at, postgresql_where=text("state = 'requested'"))
Index("ix_document_used", document.c.used_on)
Index("ix_document_certificate", document.c.certificate_no)
Index("ix_document_user", document.c.user_id)
