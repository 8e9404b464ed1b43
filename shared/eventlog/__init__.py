"""A durable, partitioned log of records with one interface: Kafka, or a table of the embedded PostgreSQL."""

from shared.eventlog.errors import (
    BackPressure,
    EventLogError,
    LogUnavailable,
    PositionLost,
    PublishOutcomeUnknown,
    RecordTooLarge,
    TopicMismatch,
    UnknownTopic,
)
from shared.eventlog.opening import open_event_log
from shared.eventlog.port import (
    RECORD_BYTES_MAX,
    RETENTION,
    EventLog,
    Record,
    StoredRecord,
    TopicPartition,
    partition_for,
)

__all__ = [
    "RECORD_BYTES_MAX",
    "RETENTION",
    "BackPressure",
    "EventLog",
    "EventLogError",
    "LogUnavailable",
    "PositionLost",
    "PublishOutcomeUnknown",
    "Record",
    "RecordTooLarge",
    "StoredRecord",
    "TopicMismatch",
    "TopicPartition",
    "UnknownTopic",
    "open_event_log",
    "partition_for",
]
