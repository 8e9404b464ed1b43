"""Tables of posting: activities (the inbox), parked reports, vesting, caps, counted acts, refused claims, freed room,
tallies."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.accounting.database import metadata

activity = Table(
    "activity",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="derived from (partner, event id): the inbox key, for ever"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("partner_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("receipt_id", Uuid, nullable=False),
    Column("receipt_index", Integer, nullable=False),
    Column("account_id", Uuid, comment="null while parked and for strangers"),
    Column("account_key", Text, comment="only while parked"),
    Column("status", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("scene", Text),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    Column("methodology_code", Text),
    Column("methodology_version", Integer),
    Column("judgement", JSONB),
    Column("act", JSONB, comment="the reported act; null while parked and for strangers"),
    Column("raw_sha256", LargeBinary, nullable=False),
    Column("sequence", SmallInteger, nullable=False, server_default="1"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('credited', 'pending', 'refused', 'parked', 'reversed')", name="status"),
    CheckConstraint("(amount_mg > 0) = (status IN ('credited', 'pending', 'reversed'))", name="amount_fits_status"),
    CheckConstraint("status IN ('refused', 'parked') OR account_id IS NOT NULL", name="credited_to_someone"),
    CheckConstraint("(status = 'parked') = (account_key IS NOT NULL)", name="key_only_while_parked"),
)
Index(
    "ix_activity_account",
    activity.c.account_id,
    activity.c.occurred_at,
    activity.c.activity_id,
    postgresql_where=text("account_id IS NOT NULL"),
)
Index(
    "ix_activity_parked",
    activity.c.partner_id,
    activity.c.account_key,
    postgresql_where=text("status = 'parked'"),
)
# Activities are recorded in time order, so a block-range index finds those of a day at no cost to the writers. A later
# verdict moves a row behind newer ones: an index of several intervals per range still tells their days apart.
Index(
    "ix_activity_recorded_at",
    activity.c.recorded_at,
    postgresql_using="brin",
    postgresql_with={"autosummarize": "on", "pages_per_range": 32},
    postgresql_ops={"recorded_at": "timestamptz_minmax_multi_ops"},
)

parked_report = Table(
    "parked_report",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="of a parked activity"),
    Column("report", JSONB, nullable=False, comment="the whole event, to be judged exactly as it came"),
)

mended_report = Table(
    "mended_report",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="of an activity or correction whose record was mended"),
    Column("proposal_id", Uuid, nullable=False, comment="the approved proposal, of this service or of ingest"),
    Column("fields", ARRAY(Text), nullable=False, comment="what the operators changed, as dotted paths"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column(
        "sealed_from",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="decides the day that seals the row: its time, or that of the migration for older rows",
    ),
)

vesting = Table(
    "vesting",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="of a pending activity; gone when it vests or is reversed"),
    Column("due_at", DateTime(timezone=True), nullable=False),
)
Index("ix_vesting_due", vesting.c.due_at, vesting.c.activity_id)

cap_usage = Table(
    "cap_usage",
    metadata,
    Column(
        "subject_id", Uuid, primary_key=True, comment="a person's account, a household's account, or the id of a meter"
    ),
    Column("cap_id", Text, primary_key=True),
    Column("period_start", Date, primary_key=True),
    Column("acts", Integer, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
    CheckConstraint("acts >= 0 AND amount_mg >= 0", name="not_negative"),
    postgresql_with={"fillfactor": 70},
)

counted_number = Table(
    "counted_number",
    metadata,
    Column(
        "number_key",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="of a partner's number of a credited act: 64 bits of its keyed hash",
    ),
    Column("activity_id", Uuid, nullable=False),
)

counted_use = Table(
    "counted_use",
    metadata,
    Column("use_key", Uuid, nullable=False, comment="keyed hash of a meter or vehicle that a credited act used"),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("activity_id", Uuid, nullable=False),
    Column("people", SmallInteger, nullable=False, comment="who may be credited for it at once"),
    CheckConstraint("people >= 1 AND ended_at >= started_at", name="sound"),
)
Index("ix_counted_use", counted_use.c.use_key, counted_use.c.ended_at)

refused_claim = Table(
    "refused_claim",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="of an act refused because another person's act counts"),
    Column("number_key", BigInteger),
    Column("use_key", Uuid),
)
Index("ix_refused_claim_number_key", refused_claim.c.number_key, postgresql_where=text("number_key IS NOT NULL"))
Index("ix_refused_claim_use_key", refused_claim.c.use_key, postgresql_where=text("use_key IS NOT NULL"))

freed_room = Table(
    "freed_room",
    metadata,
    Column("activity_id", Uuid, primary_key=True, comment="of an activity that was taken back"),
    Column("after_at", DateTime(timezone=True), comment="start of the last act judged again"),
    Column("after_id", Uuid, comment="its activity"),
)

intake_tally = Table(
    "intake_tally",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("received_on", Date, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("reason_code", Text, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("amount_mg", BigInteger, nullable=False),
)
