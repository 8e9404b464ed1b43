"""What can go wrong between a process and the log, told apart by what the caller may conclude."""


class EventLogError(Exception):
    """Base of all refusals of the event log."""


class LogUnavailable(EventLogError):
    """The log cannot be reached or refuses for now. When raised by `publish`: nothing was written, for sure."""


class BackPressure(LogUnavailable):
    """This process has as much in flight as it may hold; nothing was written. Answer 503 and slow down."""


class PublishOutcomeUnknown(EventLogError):
    """Some, all or none of the records are or will be in the log. Publish again with the same ids inside."""


class UnknownTopic(EventLogError):
    """The topic or partition does not exist: somebody forgot `ensure_topic`."""


class TopicMismatch(EventLogError):
    """The topic exists with another partition count or policy. A count never changes: keys would move."""


class RecordTooLarge(EventLogError):
    """One record exceeds RECORD_BYTES_MAX. Nothing of the call was written."""


class PositionLost(EventLogError):
    """The asked offset is not in the log: trimmed before it was read, or beyond the end because the log lost data.

    Never skipped silently: somebody has to decide what the gap means.
    """
