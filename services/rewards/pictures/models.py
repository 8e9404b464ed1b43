"""The table of pictures. The role of the service may only add and read them: an address never changes its content."""

from sqlalchemy import CheckConstraint, Column, DateTime, LargeBinary, Table, Text, func

from services.rewards.database import metadata

picture = Table(
    "picture",
    metadata,
    Column("sha256", Text, primary_key=True, comment="of the content, lower-case hex; also its address"),
    Column("media_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    CheckConstraint("media_type IN ('image/png', 'image/jpeg', 'image/webp')", name="media_type"),
    CheckConstraint("octet_length(content) BETWEEN 1 AND 1048576", name="size"),
)
