"""Tables of teams and their members."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from services.rewards.database import metadata

team = Table(
    "team",
    metadata,
    Column("team_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("opened_by", Uuid, nullable=False),
    Column("donated_mg", BigInteger, nullable=False, server_default="0", comment="given in its name"),
    Column("code_hash", LargeBinary, unique=True, comment="SHA-256 of the code that invites; null: nobody is invited"),
    Column("code_expires_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint("donated_mg >= 0", name="not_negative"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 20", name="name"),
    CheckConstraint("(code_hash IS NULL) = (code_expires_at IS NULL)", name="code"),
    CheckConstraint("closed_at IS NULL OR code_hash IS NULL", name="closed"),
    postgresql_with={"fillfactor": 70},
)
Index("ix_team_opened_by", team.c.opened_by)

team_member = Table(
    "team_member",
    metadata,
    Column("user_id", Uuid, primary_key=True, comment="one team per person"),
    Column("team_id", Uuid, ForeignKey("rewards.team.team_id"), nullable=False),
    Column("member_id", Uuid, nullable=False, unique=True, comment="names the member to the others"),
    Column("is_owner", Boolean, nullable=False, server_default=text("false")),
    Column("joined_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
Index("ix_team_member_team", team_member.c.team_id, team_member.c.joined_at)
Index("uq_team_member_owner", team_member.c.team_id, unique=True, postgresql_where=text("is_owner"))
