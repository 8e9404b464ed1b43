"""Tables of the methodology library: published documents and factors. Their content never changes.

The journal says who approved which content. It is add-only, also for the owner of the tables.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Integer,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.accounting.database import metadata

methodology_version = Table(
    "methodology_version",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("effective_to", Date),
    Column("retired_from", Date, comment="the end that its own retirement set; a successor may end it earlier"),
    Column("document", JSONB, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('published', 'retired')", name="status"),
    CheckConstraint("(status = 'retired') = (retired_from IS NOT NULL)", name="retired"),
    CheckConstraint("effective_to IS NULL OR effective_to >= effective_from", name="interval"),
)

factor = Table(
    "factor",
    metadata,
    Column("factor_id", Text, primary_key=True),
    Column("vintage", Integer, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

library_journal = Table(
    "library_journal",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False, comment="of a methodology; the vintage of a factor"),
    Column("sha256", Text, comment="of the document; null for an end"),
    Column("document", JSONB(none_as_null=True), comment="as approved"),
    Column("ends_on", Date, comment="of an end: the first day out of force"),
    Column("retired", Boolean),
    Column("proposed_by", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    CheckConstraint("kind IN ('version', 'factor', 'end')", name="kind"),
    CheckConstraint("(kind = 'end') = (sha256 IS NULL) AND (kind = 'end') = (document IS NULL)", name="document"),
    CheckConstraint("approved_by <> proposed_by OR approved_by IN ('~shipped', '~before-journal')", name="two_people"),
)
