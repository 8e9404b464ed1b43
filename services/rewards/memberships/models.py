"""Tables of groups of people and of memberships, without names."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid

from services.rewards.database import metadata

member_group = Table(
    "member_group",
    metadata,
    Column("group_id", Uuid, primary_key=True, comment="household_id or enterprise_id"),
    Column("kind", Text, nullable=False),
    Column("account_id", Uuid, nullable=False, unique=True, comment="the group's own carbon account"),
    Column("version", Integer, nullable=False, server_default="0", comment="of an enterprise"),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    CheckConstraint("kind IN ('household', 'enterprise')", name="kind"),
)

group_member = Table(
    "group_member",
    metadata,
    Column("membership_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("group_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False, comment="the person's"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
)
Index("ix_group_member_person", group_member.c.account_id)
Index("ix_group_member_group", group_member.c.group_id)
