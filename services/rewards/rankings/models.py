"""Tables of boards: places, and the histogram of each board. One process at a time writes them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from services.rewards.database import metadata

board = Table(
    "board",
    metadata,
    Column("board_id", Integer, Identity(always=True), primary_key=True),
    Column("generation", SmallInteger, nullable=False),
    Column("is_live", Boolean, nullable=False, comment="shown; a rebuild fills boards that are not"),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="the district or the campaign; empty for the others"),
    Column("period", Text, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("members", Integer, nullable=False, server_default="0"),
    UniqueConstraint("kind", "subject", "period", "starts_on", "generation"),
    CheckConstraint("period IN ('week', 'month', 'all')", name="period"),
    CheckConstraint("members >= 0", name="members"),
    postgresql_with={"fillfactor": 50},
)
Index(
    "uq_board_live",
    board.c.kind,
    board.c.subject,
    board.c.period,
    board.c.starts_on,
    unique=True,
    postgresql_where=text("is_live"),
)

# No foreign key to the board: its one writer makes and deletes boards, and a check costs a fifth of an insert.
standing = Table(
    "standing",
    metadata,
    Column("member", Uuid, primary_key=True, comment="a person's account, a household or an enterprise"),
    Column("board_id", Integer, primary_key=True, autoincrement=False),
    Column("score_mg", BigInteger, nullable=False),
    Column("code", Integer, nullable=False, comment="class of the score in the histogram"),
    Column("alias", Integer, nullable=False, comment="the pseudonym; equal scores are listed by it"),
    CheckConstraint("score_mg > 0", name="score"),
)
# A page is a range of it, read backwards.
Index(
    "ix_standing_order",
    standing.c.board_id,
    standing.c.score_mg,
    standing.c.alias,
    standing.c.member,
    postgresql_include=["code"],
)

board_class = Table(
    "board_class",
    metadata,
    Column("board_id", Integer, primary_key=True, autoincrement=False),
    Column("node", Integer, primary_key=True, autoincrement=False, comment="class and level: see domain.py"),
    Column("scores", Integer, nullable=False, comment="of the board in this class"),
    CheckConstraint("scores >= 0", name="scores"),
    postgresql_with={"fillfactor": 70},
)
