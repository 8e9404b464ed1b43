"""Tables of the seals: one row per closed day, one row per block of its postings. Insert only (see the grants)."""

from sqlalchemy import CheckConstraint, Column, Date, DateTime, Integer, LargeBinary, Table, Text, Uuid, func

from services.accounting.database import metadata

daily_digest = Table(
    "daily_digest",
    metadata,
    Column("day", Date, primary_key=True, comment="local day of the postings"),
    Column("statement", Text, nullable=False, comment="canonical JSON: what is hashed, chained and signed"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("previous", Text, unique=True, comment="sha256 of the day before; two days cannot follow the same one"),
    Column("postings", Integer, nullable=False),
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
