from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.policies.service import PublishedPolicy
from shared.instants import Instant
from shared.language import Language


class PolicyOut(BaseModel):
    version: str = Field(examples=["2026-11"])
    title: str = Field(examples=["个人信息处理规则（2026 年 11 月）"])
    url: str | None = Field(description="全文地址 Where the whole text is", examples=["https://carbon.example.cn/p/1"])
    effective_from: Instant
    accepted_until: Instant | None = Field(description="此后不能再同意 No consent to it from then on")
    is_accepted: bool = Field(description="现在可以同意 Can be consented to now")


class PoliciesOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "version": "2026-11",
                        "title": "个人信息处理规则（2026 年 11 月）",
                        "url": None,
                        "effective_from": "2026-11-01T00:00:00+08:00",
                        "accepted_until": None,
                        "is_accepted": True,
                    }
                ]
            }
        }
    )

    items: list[PolicyOut] = Field(description="最新在前 Newest first")

    @classmethod
    def of(cls, policies: Sequence[PublishedPolicy], *, at: datetime, language: Language) -> Self:
        items = [
            PolicyOut(
                version=policy.version,
                title=policy.title.pick(language),
                url=policy.url,
                effective_from=policy.effective_from,
                accepted_until=policy.accepted_until,
                is_accepted=policy.is_accepted(at),
            )
            for policy in policies
            if policy.effective_from <= at
        ]
        return cls(items=items)
