import uuid
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.accounts.households.service import Stay
from services.accounts.households.views import HouseholdView
from services.accounts.one_time_codes import ShownCode
from services.accounts.shown_texts import HouseholdName, Nickname
from shared.contracts.households_v1 import RuleKind
from shared.instants import Instant

# The form in which partners report it (`meter_ref` of energy.saved): printable ASCII without spaces.
MeterRef = Annotated[
    str, Field(pattern=r"^[!-~]{1,64}$", examples=["4201004812345"], description="电表户号 The meter's number")
]
# A household that spends more than a tonne in a month has made a typing error.
_LIMIT_MG_MAX = 10**9


class HouseholdIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"meter_ref": "4201004812345", "name": "江边三口之家", "nickname": "小雨"}, {}]
        },
    )

    meter_ref: MeterRef | None = Field(
        None,
        description="家庭电表户号，仅保存加密散列，也可稍后登记 Stored only as a keyed hash; may be registered later",
    )
    name: HouseholdName | None = Field(None, description="家庭名称，家人可见 Seen by the members")
    nickname: Nickname | None = Field(None, description="我在家庭里的昵称，家人可见 My nickname, seen by the members")


class MeterIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"meter_ref": "4201004812345"}]})

    meter_ref: MeterRef


class JoinIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"token": "chi_Zk3vQ8u1yT5rW7xA2bC4dE6", "nickname": "小雨"}]}
    )

    token: str = Field(min_length=1, max_length=64)
    nickname: Nickname | None = Field(None, description="我在家庭里的昵称，家人可见 My nickname, seen by the members")


class NameIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "江边三口之家"}]})

    name: HouseholdName | None = Field(description="空为取消名称 Null removes it")


class NicknameIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"nickname": "小雨"}]})

    nickname: Nickname | None = Field(description="空为取消昵称 Null removes it")


class OwnerIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"member_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4f"}]}
    )

    member_id: uuid.UUID


class RuleIn(BaseModel):
    """全家同意后生效。In force once all members agree."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "any_member_up_to", "limit_mg": 20_000_000}, {"kind": "all_agree"}]},
    )

    kind: RuleKind = Field(
        description="all_agree：每笔都要全家同意；any_member_up_to：每人每月在额度内可自行使用 "
        "Every use needs all members, or each member may use so much a month"
    )
    limit_mg: int | None = Field(
        None, gt=0, le=_LIMIT_MG_MAX, strict=True, description="每人每月额度，仅 any_member_up_to Per member and month"
    )

    @model_validator(mode="after")
    def _limit_belongs_to_its_kind(self) -> Self:
        if (self.kind == "any_member_up_to") != (self.limit_mg is not None):
            raise ValueError("limit_mg belongs to any_member_up_to, and only there")
        return self


class HouseholdMemberOut(BaseModel):
    member_id: uuid.UUID
    nickname: str | None = Field(description="没有设昵称的为空，显示“家人” Null: shown as a family member")
    me: bool
    owner: bool = Field(description="户主 The owner of the household")


class ProposedRuleOut(BaseModel):
    kind: RuleKind
    limit_mg: int | None
    proposed_by: uuid.UUID
    missing: list[uuid.UUID] = Field(description="还没有同意的家人 Who has not agreed yet")
    expires_at: Instant


class RuleOut(BaseModel):
    kind: RuleKind
    limit_mg: int | None
    since: Instant | None = Field(description="未设过规则为空 Null: never set")
    proposed: ProposedRuleOut | None


class HouseholdOut(BaseModel):
    """家庭账户：只显示设了昵称的成员的昵称，不显示身份。Nicknames of members who set one, and nothing else of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "household_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4e",
                "account_id": "6b0c2f0e-3f7a-5f0e-8a52-7b9f0c1d2e3f",
                "account_no": "WH203947561028",
                "opened_at": "2026-11-24T16:00:00+08:00",
                "joined_at": "2026-11-24T16:00:00+08:00",
                "members": 2,
                "meter_since": "2026-11-24T16:00:00+08:00",
                "meter_pending_until": None,
                "name": "江边三口之家",
                "member_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d50",
                "owner": True,
                "people": [
                    {
                        "member_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d50",
                        "nickname": "小雨",
                        "me": True,
                        "owner": True,
                    },
                    {
                        "member_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4f",
                        "nickname": None,
                        "me": False,
                        "owner": False,
                    },
                ],
                "offered_to": None,
                "rule": {"kind": "all_agree", "limit_mg": None, "since": None, "proposed": None},
            }
        }
    )

    household_id: uuid.UUID
    account_id: uuid.UUID = Field(description="家庭碳账户 The household's carbon account")
    account_no: str = Field(description="末位为校验位 The last digit is a check digit")
    opened_at: Instant
    joined_at: Instant = Field(description="我加入的时间 When I joined")
    members: int = Field(description="成员人数 Number of members")
    meter_since: Instant | None = Field(description="电表生效时间，没有为空 Since when the meter counts")
    meter_pending_until: Instant | None = Field(
        description="电表待电网公司确认，到这个时间为止 A meter waits for its confirmation until then"
    )
    name: str | None
    member_id: uuid.UUID = Field(description="我的成员编号 My own")
    owner: bool = Field(description="我是户主 I am the owner")
    people: list[HouseholdMemberOut]
    offered_to: uuid.UUID | None = Field(description="户主正在移交给的成员 To whom the owner offers the household")
    rule: RuleOut

    @classmethod
    def of(cls, view: HouseholdView) -> Self:
        people = [
            HouseholdMemberOut(member_id=one.member_id, nickname=one.nickname, me=one.is_me, owner=one.is_owner)
            for one in view.people
        ]
        fields = {name: getattr(view, name) for name in cls.model_fields if name not in {"owner", "people", "rule"}}
        return cls.model_validate(fields | {"owner": view.is_owner, "people": people, "rule": _rule(view)})


def _rule(view: HouseholdView) -> dict[str, object]:
    state = view.rule
    proposed = state.proposed and {
        "kind": state.proposed.rule.kind,
        "limit_mg": state.proposed.rule.limit_mg or None,
        "proposed_by": state.proposed.proposed_by,
        "missing": sorted(state.proposed.missing),
        "expires_at": state.proposed.expires_at,
    }
    return {
        "kind": state.rule.kind,
        "limit_mg": state.rule.limit_mg or None,
        "since": state.since,
        "proposed": proposed,
    }


class StayOut(BaseModel):
    """我在一个家庭里的一段时间。A time that I lived in a household."""

    member_id: uuid.UUID
    household_id: uuid.UUID
    joined_at: Instant
    left_at: Instant | None
    ended_by: Literal["member", "owner"] | None = Field(
        description="member：我自己退出；owner：户主移出 I left, or the owner ended it"
    )

    @classmethod
    def of(cls, stay: Stay) -> Self:
        return cls.model_validate(stay, from_attributes=True)


class InvitationOut(BaseModel):
    token: str = Field(examples=["chi_Zk3vQ8u1yT5rW7xA2bC4dE6"])
    expires_at: Instant
    qr_svg: str

    @classmethod
    def of(cls, code: ShownCode) -> Self:
        return cls(token=code.token, expires_at=code.expires_at, qr_svg=code.qr_svg)
