"""The reason an operator gives for a change."""

from typing import Annotated

from pydantic import Field, StringConstraints

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$"),
    Field(description="写入审计记录 · kept in the audit log", examples=["合同续签，提高日限额"]),
]
