"""Tables of enterprises and memberships, as accounts publishes them."""

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from services.rewards.database import metadata

enterprise = Table(
    "enterprise",
    metadata,
    Column("enterprise_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("name", Text, comment="the registered one; null until accounts publishes it"),
    Column("account_id", Uuid, nullable=False, unique=True, comment="the enterprise's"),
)

enterprise_member = Table(
    "enterprise_member",
    metadata,
    Column("membership_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("enterprise_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False, comment="the person's"),
    Column("roles", JSONB, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
)
Index("ix_enterprise_member_person", enterprise_member.c.account_id, enterprise_member.c.enterprise_id)
