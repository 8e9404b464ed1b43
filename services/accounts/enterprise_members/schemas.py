import uuid
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.accounts.enterprise_members.domain import MembershipState
from services.accounts.enterprise_members.service import MembershipView, MyEnterprise
from services.accounts.enterprises.domain import EnterpriseState, is_visible
from services.accounts.enterprises.schemas import EXAMPLE, EnterpriseOut, Kinds
from shared.contracts.enterprises_v1 import EnterpriseKind, EnterpriseRole
from shared.errors import InvalidValue
from shared.instants import Instant
from shared.language import Text


def _require_visible(text: str) -> str:
    if not is_visible(text):
        raise InvalidValue(
            Text("含有看不见的字符，请重新输入。", "It holds characters that cannot be seen. Type it again.")
        )
    return text


_Visible = AfterValidator(_require_visible)
Roles = Annotated[
    list[EnterpriseRole], Field(min_length=1, max_length=4, description="可兼任 Several at once", examples=[["maker"]])
]
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), _Visible, Field(examples=["张敏"])
]


class ContactIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: PersonName
    phone: str = Field(pattern=r"^\+?[0-9 -]{5,24}$", examples=["027-85550000"])


class EnterpriseIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "uscc": "914201007071000009",
                    "name": "江城会展有限公司",
                    "kinds": ["venue", "event_organiser"],
                    "contact": {"name": "张敏", "phone": "027-85550000"},
                }
            ]
        },
    )

    uscc: str = Field(min_length=1, max_length=64, description="统一社会信用代码 Unified social credit code")
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100), _Visible] = Field(
        description="与营业执照一致 As on the licence"
    )
    kinds: Kinds
    contact: ContactIn = Field(description="加密保存，仅供审核时联系 Sealed; for questions about the application")


class ApplicationOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"enterprise_id": EXAMPLE["enterprise_id"], "status": "applied"}}
    )

    enterprise_id: uuid.UUID
    status: EnterpriseState


class EnterpriseDetailOut(EnterpriseOut):
    model_config = ConfigDict(
        json_schema_extra={"example": {**EXAMPLE, "account_no": "WH203947561028", "my_roles": ["admin"]}}
    )

    account_no: str | None = Field(description="核准后才有 From the approval on")
    my_roles: list[EnterpriseRole]


class MyEnterpriseOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "enterprise_id": EXAMPLE["enterprise_id"],
                "name": "江城会展有限公司",
                "kinds": ["event_organiser", "venue"],
                "status": "active",
                "membership_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4f",
                "membership": "active",
                "roles": ["admin"],
                "since": "2026-11-27T10:00:00+08:00",
            }
        }
    )

    enterprise_id: uuid.UUID
    name: str
    kinds: list[EnterpriseKind]
    status: EnterpriseState
    membership_id: uuid.UUID
    membership: MembershipState = Field(description="invited 待您接受 waits for your acceptance")
    roles: list[EnterpriseRole]
    since: Instant

    @classmethod
    def of(cls, mine: MyEnterprise) -> Self:
        return cls(
            enterprise_id=mine.enterprise.enterprise_id,
            name=mine.enterprise.name,
            kinds=list(mine.enterprise.kinds),
            status=mine.enterprise.status,
            membership_id=mine.membership_id,
            membership=mine.status,
            roles=list(mine.roles),
            since=mine.since,
        )


class MyEnterprisesOut(BaseModel):
    items: list[MyEnterpriseOut] = Field(
        description="先已加入的，再邀请；最多 50 个 Memberships, then invitations; at most 50"
    )

    @classmethod
    def of(cls, found: Sequence[MyEnterprise]) -> Self:
        return cls(items=[MyEnterpriseOut.of(one) for one in found])


class MemberIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"account_no": "WH203947561028", "roles": ["maker"], "name": "李伟"}]},
    )

    account_no: str = Field(min_length=1, max_length=32, description="对方的个人碳账户号 Of the person's account")
    roles: Roles
    name: PersonName | None = Field(None, description="企业内显示的姓名，加密保存 Shown to members; stored sealed")


class MemberOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "membership_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4f",
                "name": "李伟",
                "roles": ["maker"],
                "status": "invited",
                "since": "2026-11-27T10:00:00+08:00",
                "is_me": False,
                "account_no": "WH203947561028",
            }
        }
    )

    membership_id: uuid.UUID
    name: str | None
    roles: list[EnterpriseRole]
    status: MembershipState
    since: Instant
    is_me: bool
    account_no: str | None = Field(description="仅管理员可见 Shown to administrators")

    @classmethod
    def of(cls, view: MembershipView) -> Self:
        return cls.model_validate(view, from_attributes=True)


class MembersOut(BaseModel):
    items: list[MemberOut] = Field(description="最多 100 位 At most 100")

    @classmethod
    def of(cls, views: Sequence[MembershipView]) -> Self:
        return cls(items=[MemberOut.of(view) for view in views])
