"""What operators did with a dead letter: at most one row each, never changed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    func,
)

from services.ingest.database import metadata

dead_letter_resolution = Table(
    "dead_letter_resolution",
    metadata,
    Column(
        "dead_letter_id",
        BigInteger,
        ForeignKey(metadata.tables["ingest.dead_letter"].c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="who: the subject of the operator's token"),
    Column("reason", Text, nullable=False),
    Column("edited", Boolean, nullable=False),
    Column("value", LargeBinary, comment="what was published; null for a discarded one"),
    Column("resolved_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("action IN ('replayed', 'discarded')", name="action"),
)
