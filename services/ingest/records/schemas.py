"""HTTP models of the records' check."""

from datetime import date

from pydantic import BaseModel, Field

from services.ingest.records.domain import RecordFinding
from shared.instants import Instant
from shared.language import Language


class FoundDifference(BaseModel):
    text: str
    partner_id: str | None = Field(description="涉及的合作方 The partner; null for a finding about a sealed day")
    app_key: str | None = Field(description="涉及的密钥 The key, if the finding is about one")
    day: date | None = Field(description="涉及的封存日 The sealed day, if the finding is about one")
    at: Instant | None = Field(description="最后一次记录的时间 When the row was last recorded, if known")

    @classmethod
    def of(cls, found: RecordFinding, language: Language) -> "FoundDifference":
        return cls(
            text=found.text.pick(language),
            partner_id=found.partner_id,
            app_key=found.app_key,
            day=found.day,
            at=found.at,
        )


class RecordsCheck(BaseModel):
    ok: bool
    sealed_upto: date | None = Field(description="最新的封存日 The newest sealed day")
    findings: list[FoundDifference]
