"""Table of replaced verdicts: a trigger of the database adds a row for every later verdict on an activity."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, func

from services.accounting.database import metadata

activity_change = Table(
    "activity_change",
    metadata,
    Column("activity_id", Uuid, primary_key=True),
    Column("sequence", SmallInteger, primary_key=True, comment="of the new verdict"),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("old_sequence", SmallInteger, nullable=False, comment="this and all below: of the verdict it replaced"),
    Column("status", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("account_id", Uuid),
    Column("scene", Text),
    Column("methodology_code", Text),
    Column("methodology_version", Integer),
    Column("act_sha256", LargeBinary, comment="of the act's text, if the new verdict has another act or none"),
    Column("judgement_sha256", LargeBinary, comment="of the judgement's text, if it was replaced or deleted"),
)
erased_act = Table(
    "erased_act",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="of an activity whose person was erased: its act is gone"),
    Column("act_sha256", LargeBinary, nullable=False, comment="of the act's text, for the seal of its day"),
    Column("act_kind", Text, comment="as the sealed leaf names it"),
)
# Changes are added in time order, so a block-range index finds those of a day.
Index(
    "ix_activity_change_changed_at",
    activity_change.c.changed_at,
    postgresql_using="brin",
    postgresql_with={"autosummarize": "on", "pages_per_range": 32},
    postgresql_ops={"changed_at": "timestamptz_minmax_multi_ops"},
)
