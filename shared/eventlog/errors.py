"""Errors of the event log, distinguished by what the caller may conclude."""


class EventLogError(Exception):
    """Base of all errors of the event log."""


class LogUnavailable(EventLogError):
    """The log cannot be reached or refuses for now. Raised by `publish`, it means that nothing was written."""


class BackPressure(LogUnavailable):
    """The process has its maximum of records in flight; nothing was written. Answer 503 and slow down."""


class PublishOutcomeUnknown(EventLogError):
    """Some, all or none of the records are or will be in the log. Publish them again with the same ids."""


class UnknownTopic(EventLogError):
    """The topic or partition does not exist: `ensure_topic` was not called."""


class TopicMismatch(EventLogError):
    """The topic exists with another partition count or policy. A count never changes: keys would move."""


class RecordTooLarge(EventLogError):
    """One record exceeds RECORD_BYTES_MAX. Nothing of the call was written."""


class PositionLost(EventLogError):
    """The requested offset is not in the log: it was trimmed, or the log lost data and ends before it.

    The gap is never skipped silently: an operator must decide what it means.
    """
