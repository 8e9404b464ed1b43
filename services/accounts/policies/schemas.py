from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.policies.domain import GENERAL, families_of
from services.accounts.policies.service import PublishedPolicy
from shared.instants import Instant
from shared.language import Language

PurposeName = Annotated[
    str,
    Field(
        pattern=(
            r"^(data_processing|location|health_steps|pooling|rankings|messages|research"
            r"|partner:[A-Za-z0-9._-]{1,64})$"
        ),
        description=(
            "data_processing 记录与核算低碳行为（碳账户必需）Counting activities, required for an account · "
            "partner:<id> 与该合作方共享 Sharing with this partner · location 位置 Places of trips · "
            "health_steps 微信步数 WeChat steps · pooling 汇集减碳量 Pooling · rankings 参与排行 Rankings · "
            "messages 服务通知 Notices · research 去标识化研究 De-identified research"
        ),
        examples=["data_processing"],
    ),
]


class PolicyOut(BaseModel):
    family: str = Field(
        description=(
            "文本类别：general 通用；partner_sharing 或 partner:<id> 与合作方共享；其余与同意事项同名 "
            "Which text this is: general, for partners, or named like the purpose"
        ),
        examples=["general"],
    )
    version: str = Field(examples=["2026-11"])
    title: str = Field(examples=["个人信息处理规则（2026 年 11 月）"])
    url: str | None = Field(description="全文地址 Where the whole text is", examples=["https://carbon.example.cn/p/1"])
    effective_from: Instant
    accepted_until: Instant | None = Field(description="此后不能再同意 No consent to it from then on")
    renew_by: Instant | None = Field(
        description="对此前版本的同意到此时失效，请在此之前重新同意 Consents to the versions before it end at this time"
    )
    is_accepted: bool = Field(description="现在可以同意 Can be consented to now")


class PoliciesOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "family": "general",
                        "version": "2026-11",
                        "title": "个人信息处理规则（2026 年 11 月）",
                        "url": None,
                        "effective_from": "2026-11-01T00:00:00+08:00",
                        "accepted_until": None,
                        "renew_by": None,
                        "is_accepted": True,
                    }
                ]
            }
        }
    )

    items: list[PolicyOut] = Field(
        description="通用规则在前，各类最新在前 The general policy first, then by family; newest first"
    )

    @classmethod
    def of(cls, policies: Sequence[PublishedPolicy], *, purpose: str | None, at: datetime, language: Language) -> Self:
        """`purpose` None: the texts of all purposes."""
        wanted = None if purpose is None else families_of(purpose)
        items = [
            PolicyOut(
                family=policy.family,
                version=policy.version,
                title=policy.title.pick(language),
                url=policy.url,
                effective_from=policy.effective_from,
                accepted_until=policy.accepted_until,
                renew_by=policy.renew_by,
                is_accepted=policy.is_accepted(at),
            )
            for policy in sorted(policies, key=lambda one: (one.family != GENERAL, one.family))
            if policy.effective_from <= at and (wanted is None or policy.family in wanted)
        ]
        return cls(items=items)
