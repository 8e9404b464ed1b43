"""HTTP models of teams."""

import uuid
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.shown_names import ShownName
from services.rewards.teams.domain import CODE_PATTERN
from services.rewards.teams.service import Invitation, Member, Team
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language


class TeamName(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "东湖骑行队"}})

    name: ShownName


class TeamCode(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"code": "7K3MQ9XW2P"}})

    code: Annotated[str, StringConstraints(pattern=CODE_PATTERN)] = Field(description="大小写与空格不限 In any case")


class TeamHandOver(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"member_id": "6b0c2f0e-3f7a-4f0e-8a52-7b9f0c1d2e3f"}}
    )

    member_id: uuid.UUID


class TeamInvitation(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"code": "7K3MQ9XW2P", "expires_at": "2026-12-04T09:30:00+08:00"}}
    )

    code: str = Field(description="只显示这一次 Shown only now")
    expires_at: Instant

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        return cls(code=invitation.code, expires_at=invitation.expires_at)


class TeamMemberView(BaseModel):
    member_id: uuid.UUID
    name: str | None = Field(description="队员同意公开的称呼 The public name, if the member agreed to one")
    is_owner: bool
    is_me: bool
    joined_at: Instant

    @classmethod
    def of(cls, member: Member) -> Self:
        return cls(
            member_id=member.member_id,
            name=member.name,
            is_owner=member.is_owner,
            is_me=member.is_me,
            joined_at=member.joined_at,
        )


class TeamView(BaseModel):
    """The caller's team."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "team_id": "019aadf0-6b00-7000-8000-000000000005",
                "name": "东湖骑行队",
                "donated_mg": 12_500_000,
                "display": "12.50 千克",
                "members": [
                    {
                        "member_id": "6b0c2f0e-3f7a-4f0e-8a52-7b9f0c1d2e3f",
                        "name": "江城小雨",
                        "is_owner": True,
                        "is_me": True,
                        "joined_at": "2026-11-27T09:30:00+08:00",
                    }
                ],
                "invited_until": "2026-12-04T09:30:00+08:00",
                "created_at": "2026-11-27T09:30:00+08:00",
            }
        }
    )

    team_id: uuid.UUID
    name: str
    donated_mg: int = Field(description="以小队名义捐出的合计 Given in its name")
    display: str
    members: list[TeamMemberView]
    invited_until: Instant | None = Field(description="邀请码的有效期 Until when the code invites; null: no code")
    created_at: Instant

    @classmethod
    def of(cls, team: Team, *, language: Language) -> Self:
        return cls(
            team_id=team.team_id,
            name=team.name,
            donated_mg=team.donated_mg,
            display=display(team.donated_mg, language),
            members=[TeamMemberView.of(one) for one in team.members],
            invited_until=team.invited_until,
            created_at=team.created_at,
        )
