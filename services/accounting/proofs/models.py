"""Tables of the seals and of their recheck.

A closed day has one row, and one row per block of its postings and activities. All of these are insert only (see the
grants). A second chain seals the records of operators.
"""

from sqlalchemy import CheckConstraint, Column, Date, DateTime, Integer, LargeBinary, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from services.accounting.database import metadata
from shared.seals.record_chain import add_record_digest_table

daily_digest = Table(
    "daily_digest",
    metadata,
    Column("day", Date, primary_key=True, comment="local day of the postings"),
    Column("statement", Text, nullable=False, comment="canonical JSON: what is hashed, chained and signed"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("previous", Text, unique=True, comment="sha256 of the day before; two days cannot follow the same one"),
    Column("postings", Integer, nullable=False),
    Column("activities", Integer, comment="null for days of leaf format 1"),
    Column("secret", LargeBinary, nullable=False, comment="salts of the day's leaves; never published"),
    Column("public_key", Text, comment="Ed25519, hex; null when no key was set"),
    Column("signature", Text),
    Column("sealed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("(public_key IS NULL) = (signature IS NULL)", name="signed_by_a_key"),
)

digest_block = Table(
    "digest_block",
    metadata,
    Column("day", Date, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("leaves", Integer, nullable=False),
    Column("first_posted_at", DateTime(timezone=True), nullable=False),
    Column("first_posting_id", Uuid, nullable=False),
    Column("last_posted_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("leaves > 0", name="leaves_positive"),
)

activity_block = Table(
    "activity_block",
    metadata,
    Column("day", Date, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("leaves", Integer, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("first_activity_id", Uuid, nullable=False),
    Column("first_sequence", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("leaves > 0", name="leaves_positive"),
)

record_digest = add_record_digest_table(metadata)

seal_check = Table(
    "seal_check",
    metadata,
    Column("newest_day", Date, primary_key=True, comment="the newest sealed day when the run began"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("position", JSONB, nullable=False, comment="where the next step begins"),
    Column("steps", Integer, nullable=False, server_default="0"),
    Column("days", Integer, nullable=False, server_default="0"),
    Column("findings", JSONB, nullable=False),
    Column("equations", JSONB, nullable=False, comment="figures by name; 0 while it holds"),
)

checked_day = Table(
    "checked_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("checked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("findings", Integer, nullable=False),
)
