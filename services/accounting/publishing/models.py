"""Table of drafts. The service's role may not delete them."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY

from services.accounting.database import metadata

methodology_draft = Table(
    "methodology_draft",
    metadata,
    Column("draft_id", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False, comment="YAML as written"),
    Column("sha256", Text, nullable=False, comment="of the document's canonical form"),
    Column("status", Text, nullable=False),
    Column("authors", ARRAY(Text), nullable=False, comment="everyone who wrote a part: none of them may publish"),
    Column(
        "rewritten",
        Boolean,
        nullable=False,
        server_default="false",
        comment="published only with the hash of the text that its publisher read",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("checked_by", Text),
    Column("checked_at", DateTime(timezone=True)),
    Column("published_by", Text),
    Column("published_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('draft', 'checked', 'published', 'withdrawn')", name="status"),
    CheckConstraint("(status = 'published') = (published_by IS NOT NULL)", name="publisher"),
    CheckConstraint("published_by <> ALL (authors)", name="second_person"),
)
Index(
    "uq_methodology_draft_published",
    methodology_draft.c.code,
    methodology_draft.c.version,
    unique=True,
    postgresql_where=text("status = 'published'"),
)
