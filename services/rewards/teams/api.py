"""Routes of teams. A citizen sees and changes only the team of their own."""

from fastapi import APIRouter, Response

from services.rewards.teams import service
from services.rewards.teams.schemas import TeamCode, TeamHandOver, TeamInvitation, TeamName, TeamView
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.live_sessions import LiveCitizen

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])


@router.post("/teams", status_code=201, summary="新建小队 · Open a team")
async def open_team(session: Session, citizen: LiveCitizen, language: AskedLanguage, body: TeamName) -> TeamView:
    """每人同时只在一个小队。小队不能转移减碳量，只累计以它名义的捐赠。

    One team per person. Grams never move between members; a team adds up what is given in its name.
    """
    return TeamView.of(await service.open_team(session, user_id=citizen.user_id, name=body.name), language=language)


@router.post("/teams/join", summary="用邀请码加入 · Join by a code")
async def join_team(session: Session, citizen: LiveCitizen, language: AskedLanguage, body: TeamCode) -> TeamView:
    return TeamView.of(await service.join(session, user_id=citizen.user_id, code=body.code), language=language)


@router.get("/me/team", summary="我的小队 · My team")
async def get_my_team(session: Session, citizen: Citizen, language: AskedLanguage) -> TeamView:
    return TeamView.of(await service.get_own(session, user_id=citizen.user_id), language=language)


@router.put("/me/team", summary="修改队名（队长） · Rename, by the owner")
async def rename_my_team(session: Session, citizen: LiveCitizen, language: AskedLanguage, body: TeamName) -> TeamView:
    return TeamView.of(await service.rename(session, user_id=citizen.user_id, name=body.name), language=language)


@router.post("/me/team/invitation", status_code=201, summary="生成邀请码（队长） · Make a code, by the owner")
async def invite_to_my_team(session: Session, citizen: LiveCitizen) -> TeamInvitation:
    """七天有效；再生成一次，原来的就失效。Valid for seven days. A new one replaces it."""
    return TeamInvitation.of(await service.invite(session, user_id=citizen.user_id))


@router.delete(
    "/me/team/invitation", status_code=204, response_class=Response, summary="收回邀请码 · Withdraw the code"
)
async def withdraw_team_invitation(session: Session, citizen: LiveCitizen) -> None:
    await service.withdraw_invitation(session, user_id=citizen.user_id)


@router.post("/me/team/owner", summary="移交队长 · Hand the team over")
async def hand_over_my_team(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, body: TeamHandOver
) -> TeamView:
    team = await service.hand_over(session, user_id=citizen.user_id, member_id=body.member_id)
    return TeamView.of(team, language=language)


@router.delete("/me/team/membership", status_code=204, response_class=Response, summary="退出小队 · Leave my team")
async def leave_my_team(session: Session, citizen: LiveCitizen) -> None:
    """已捐的仍计入小队。What you gave in its name stays in its sum."""
    await service.leave(session, user_id=citizen.user_id)


@router.delete("/me/team", status_code=204, response_class=Response, summary="解散小队（队长） · Close my team")
async def close_my_team(session: Session, citizen: LiveCitizen) -> None:
    await service.close(session, user_id=citizen.user_id)
