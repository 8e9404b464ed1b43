from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from services.accounts.consents.service import ChangeRecord, ConsentRecord
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
    purpose: str = Field(examples=["data_processing", "partner:didi"])
    policy_version: str
    given_at: Instant
    withdrawn_at: Instant | None = Field(description="撤回时间 When consent was withdrawn")
    superseded_at: Instant | None = Field(description="被新版本取代的时间 When consent to a newer version replaced it")
    expired_at: Instant | None = Field(description="未重新同意而失效的时间 When it ended without renewal")
    ends_at: Instant | None = Field(description="请在此之前重新同意 Renew it before this time")

    @classmethod
    def of(cls, record: ConsentRecord) -> Self:
        return cls(
            purpose=record.purpose,
            policy_version=record.policy_version,
            given_at=record.given_at,
            withdrawn_at=record.withdrawn_at,
            superseded_at=record.superseded_at,
            expired_at=record.expired_at,
            ends_at=record.ends_at,
        )


class ConsentsOut(BaseModel):
    items: list[ConsentOut] = Field(description="最新在前 Newest first, at most 100")

    @classmethod
    def of(cls, records: Sequence[ConsentRecord]) -> Self:
        return cls(items=[ConsentOut.of(record) for record in records])


class ConsentChangeOut(BaseModel):
    purpose: str = Field(examples=["data_processing", "partner:didi"])
    policy_version: str
    change: Literal["given", "renewed", "withdrawn", "expired"]
    at: Instant
    by: Literal["self", "guardian", "policy"] = Field(
        description="本人、监护人，或文本更新 Me, my guardian, or a change of the policy"
    )
    channel: Literal["app", "account", "binding", "guardian", "age", "policy", "migration"] = Field(
        description=(
            "app 同意设置；account 领取账户；binding 绑定合作方；guardian 监护人；age 申报年龄；policy 文本更新；"
            "migration 此前的绑定 Where it happened"
        )
    )

    @classmethod
    def of(cls, record: ChangeRecord) -> Self:
        return cls(
            purpose=record.purpose,
            policy_version=record.policy_version,
            change=record.change,
            at=record.at,
            by=record.actor,
            channel=record.channel,
        )
