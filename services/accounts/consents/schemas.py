from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, Field

from services.accounts.consents.service import ConsentRecord, Purpose
from shared.instants import Instant

PolicyVersion = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._-]{1,32}$",
        description="用户看到的隐私政策版本 Version of the privacy policy that the citizen saw",
        examples=["2026-11"],
    ),
]


class ConsentOut(BaseModel):
    purpose: Purpose
    policy_version: str
    given_at: Instant
    withdrawn_at: Instant | None = Field(description="撤回时间 When consent was withdrawn")
    superseded_at: Instant | None = Field(description="被新版本取代的时间 When consent to a newer version replaced it")

    @classmethod
    def of(cls, record: ConsentRecord) -> Self:
        return cls(
            purpose=record.purpose,
            policy_version=record.policy_version,
            given_at=record.given_at,
            withdrawn_at=record.withdrawn_at,
            superseded_at=record.superseded_at,
        )


class ConsentsOut(BaseModel):
    items: list[ConsentOut] = Field(description="最新在前 Newest first, at most 100")

    @classmethod
    def of(cls, records: Sequence[ConsentRecord]) -> Self:
        return cls(items=[ConsentOut.of(record) for record in records])
