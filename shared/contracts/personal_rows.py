"""HTTP models of `/internal/<service>/personal-data`: the rows of a person in one service, page by page."""

import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

EVENTS_PER_PAGE_MAX = 200
CURSOR_CHARS_MAX = 2000


class PersonalDataQuestion(BaseModel):
    """`events`: keys of reported events, for the archive of ingest only."""

    model_config = ConfigDict(extra="forbid")

    user_id: uuid.UUID
    account_id: uuid.UUID
    events: list[uuid.UUID] = Field(default_factory=list, max_length=EVENTS_PER_PAGE_MAX)
    after: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


class PersonalRow(BaseModel):
    table: str
    row: dict[str, Any]


class PersonalDataPage(BaseModel):
    rows: list[PersonalRow]
    titles: dict[str, str] = Field(default_factory=dict, description="Chinese titles of the tables on this page")
    after: str | None = Field(description="cursor of the next page, null on the last")
