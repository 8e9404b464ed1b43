"""Tables of the archive.

One row per received copy of an event. A copy sent again (same event id, another receipt) has a row of its own, so that
every receipt shows the status of exactly its own events, and a conflicting payload is kept as it was received.

Partitioned by month on the receipt id, a UUIDv7 whose leading bits are its time. Both halves of a row carry that id, so
they meet in one partition, whichever comes first.
"""

from sqlalchemy import (
    BigInteger,
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
)
from sqlalchemy.dialects.postgresql import JSONB

from services.ingest.database import metadata

reported_event = Table(
    "reported_event",
    metadata,
    Column("receipt_id", Uuid, primary_key=True),
    Column("item_index", Integer, primary_key=True),
    Column("event_key", Uuid, nullable=False, comment="of (partner, event id): the activity's id in accounting"),
    Column("partner_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), comment="null while only the outcome has been seen"),
    Column("receipt_accepted", Integer, comment="accepted events of the receipt, to know when all were seen"),
    Column("receipt_rejected", Integer),
    Column("operation", Text),
    Column("kind", Text, comment="null for cancellations"),
    Column("original_event_id", Text),
    Column("reason", Text, comment="of a correction or cancellation, in the partner's words"),
    Column("act", JSONB, comment="as on the topic: no coordinates, no account reference"),
    Column("raw_sha256", LargeBinary, comment="of the bytes the partner signed for this event"),
    Column("log_partition", SmallInteger),
    Column("log_offset", BigInteger),
    Column("status", Text, nullable=False, server_default="received"),
    Column("reason_code", Text),
    Column("amount_mg", BigInteger, nullable=False, server_default="0"),
    Column("sequence", Integer, nullable=False, server_default="0", comment="of the verdict shown; 0 = none yet"),
    Column("judged_at", DateTime(timezone=True)),
    Column("occurred_on", Date, comment="the act's day in the programme's time zone"),
    Column("fingerprint", LargeBinary, comment="SHA-256 of type, account key and act: not the account"),
    # Partitions have a fillfactor of 48. Verdicts change no indexed column: with room in the page for a second version
    # of every row, they need no new index entries (HOT updates).
    postgresql_partition_by="RANGE (receipt_id)",
)
Index("ix_reported_event_event_key", reported_event.c.event_key)
# Rows arrive in the order of this column, so a block range index finds a day at almost no cost.
Index("ix_reported_event_received_at", reported_event.c.received_at, postgresql_using="brin")
Index("ix_reported_event_partner_id_occurred_on", reported_event.c.partner_id, reported_event.c.occurred_on)

archive_partition = Table(
    "archive_partition",
    metadata,
    Column("name", Text, primary_key=True),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
)

receipt_rejection = Table(
    "receipt_rejection",
    metadata,
    Column("receipt_id", Uuid, primary_key=True),
    Column("partner_id", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("items", JSONB, nullable=False, comment="index, id, code, field of each refused event"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("ix_receipt_rejection_received_at", receipt_rejection.c.received_at)
