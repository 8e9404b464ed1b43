"""HTTP models of public names."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.donor_names.service import PublicName
from services.rewards.shown_names import ShownName
from shared.instants import Instant


class PublicNameRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "江城小雨"}})

    name: ShownName


class PublicNameView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "江城小雨", "agreed_at": "2026-11-27T09:30:00+08:00"}}
    )

    name: str | None = Field(description="公开的称呼；未同意公开时为 null Null: a pseudonym is shown instead")
    agreed_at: Instant | None

    @classmethod
    def of(cls, found: PublicName | None) -> Self:
        return cls(name=None, agreed_at=None) if found is None else cls(name=found.name, agreed_at=found.agreed_at)
