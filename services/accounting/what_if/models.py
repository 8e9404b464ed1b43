"""Tables of what-if runs: progress and result; during a run also changes of people and cap usage of households."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.accounting.database import metadata

what_if_run = Table(
    "what_if_run",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False, comment="YAML as written"),
    Column("sha256", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("status", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("last_account_id", Uuid, comment="everybody up to here is done"),
    Column("people", BigInteger, nullable=False, server_default="0"),
    Column("acts", BigInteger, nullable=False, server_default="0"),
    Column("before_acts", BigInteger, nullable=False, server_default="0"),
    Column("after_acts", BigInteger, nullable=False, server_default="0"),
    Column("before_mg", BigInteger, nullable=False, server_default="0"),
    Column("after_mg", BigInteger, nullable=False, server_default="0"),
    Column("spread", JSONB(none_as_null=True), comment="who gains and loses, once finished"),
    Column("error", Text),
    CheckConstraint("status IN ('running', 'finished', 'failed')", name="status"),
    CheckConstraint("(status = 'finished') = (spread IS NOT NULL)", name="spread_when_finished"),
)
Index("ix_what_if_run_open", what_if_run.c.run_id, postgresql_where=text("status = 'running'"))

what_if_person = Table(
    "what_if_person",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("change_mg", BigInteger, nullable=False),
)

what_if_usage = Table(
    "what_if_usage",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    Column("cap_id", Text, primary_key=True),
    Column("period_start", Date, primary_key=True),
    Column("acts", Integer, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
)
