"""The reason in a request: operators give one for every act that the audit log records."""

from typing import Annotated, Final

from pydantic import Field

# PostgreSQL cannot store a NUL. No sentence contains the other control characters.
REASON_PATTERN: Final = r"^[^\x00-\x08\x0b-\x1f]+$"
REASON_CHARS_MAX: Final = 500

Reason = Annotated[
    str,
    Field(
        min_length=2,
        max_length=REASON_CHARS_MAX,
        pattern=REASON_PATTERN,
        description="原因，记入审计 The reason, kept in the audit log",
    ),
]
