"""Tables of recognition: the newest verdict on each act, sums by day and scene, donations, and the queue of the due.

Sums have a generation. One generation is live. A rebuild fills another one and then makes it the live one.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import DATEMULTIRANGE

from services.rewards.database import metadata

# The source of all sums. A row stays for good: a verdict may be reversed after years.
recognised_act = Table(
    "recognised_act",
    metadata,
    Column("activity_id", Uuid, primary_key=True),
    Column("sequence", Integer, nullable=False, comment="of the newest verdict"),
    Column("account_id", Uuid, comment="whose act counts; null while none does"),
    Column("scene", Text),
    Column("amount_mg", BigInteger, nullable=False, server_default="0"),
    Column("day", Date, comment="local; null until a verdict told it"),
    Column("day_sequence", Integer, nullable=False, server_default="0", comment="of the verdict that told the day"),
    CheckConstraint("(account_id IS NULL) = (scene IS NULL)", name="scene"),
    CheckConstraint("CASE WHEN account_id IS NULL THEN amount_mg = 0 ELSE amount_mg > 0 END", name="amount"),
)
Index(
    "ix_recognised_act_account",
    recognised_act.c.account_id,
    recognised_act.c.day,
    postgresql_where=text("account_id IS NOT NULL"),
)

_POSITIVE = "acts > 0 AND amount_mg > 0"

earned_day = Table(
    "earned_day",
    metadata,
    Column("generation", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True, comment="local"),
    Column("scene", Text, primary_key=True),
    Column("acts", Integer, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    CheckConstraint(_POSITIVE, name="positive"),
)

earned_scene = Table(
    "earned_scene",
    metadata,
    Column("generation", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", Uuid, primary_key=True),
    Column("scene", Text, primary_key=True),
    Column("acts", Integer, nullable=False),
    Column("days", Integer, nullable=False, comment="with an act of the scene"),
    Column("amount_mg", BigInteger, nullable=False),
    CheckConstraint(f"{_POSITIVE} AND days > 0 AND days <= acts", name="positive"),
    postgresql_with={"fillfactor": 70},
)

earned_total = Table(
    "earned_total",
    metadata,
    Column("generation", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", Uuid, primary_key=True),
    Column("acts", Integer, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("active_days", DATEMULTIRANGE, nullable=False, comment="days with an act; a range is a streak"),
    CheckConstraint(f"{_POSITIVE} AND NOT isempty(active_days)", name="positive"),
    postgresql_with={"fillfactor": 70},
)
# Who is in a generation, without the rows of the other one.
Index("ix_earned_total_account", earned_total.c.account_id)

recognised_donation = Table(
    "recognised_donation",
    metadata,
    Column("donation_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False, comment="of the person who gave, whosever grams they were"),
    Column("campaign_id", Text, nullable=False),
    Column("day", Date, nullable=False, comment="local"),
    Column("amount_mg", BigInteger, nullable=False),
    CheckConstraint("amount_mg > 0", name="amount"),
)
Index("ix_recognised_donation_account", recognised_donation.c.account_id)

# A queue. Each change appends, so that writers never wait for each other or for the one reader.
recognition_due = Table(
    "recognition_due",
    metadata,
    Column("due_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('account', 'group')", name="kind"),
)
Index("ix_recognition_due_subject", recognition_due.c.subject)

recognition_state = Table(
    "recognition_state",
    metadata,
    Column("single", SmallInteger, primary_key=True, autoincrement=False),
    Column("live", SmallInteger, nullable=False, server_default="0", comment="the generation that is read"),
    Column("building", SmallInteger, comment="the generation that a rebuild fills"),
    Column("built_through", Uuid, comment="accounts up to this one are in it and follow new verdicts"),
    Column("sweep_after", Uuid, comment="accounts behind this one have to be refreshed; null: none"),
    Column("rules_sha256", Text, nullable=False, server_default="", comment="of the badges of the last sweep"),
    CheckConstraint("single = 1", name="single"),
    CheckConstraint("building IS DISTINCT FROM live", name="building"),
    CheckConstraint("built_through IS NULL OR building IS NOT NULL", name="built_through"),
)
