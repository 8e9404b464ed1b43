"""The table of categories. The role of the service may not delete rows: items name their category for good."""

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, Table, Text, text

from services.rewards.database import metadata
from services.rewards.slugs import SLUG_PATTERN

category = Table(
    "category",
    metadata,
    Column("category_id", Text, primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default="0"),
    Column("hidden", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint(f"category_id ~ '{SLUG_PATTERN}'", name="slug"),
)
