"""Routes on which citizens see their badges, level and streak."""

from fastapi import APIRouter, Request

from services.rewards.badges import service
from services.rewards.badges.schemas import MyBadges, MyLevel, MyStreak
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/rewards/me", tags=["荣誉 Recognition"])


@router.get("/badges", summary="我的徽章 · My badges")
async def list_my_badges(session: Session, citizen: Citizen, language: AskedLanguage) -> MyBadges:
    """包括还没有获得的，附进度；收回的说明原因。Also those not earned yet, with progress; withdrawn ones say why."""
    return MyBadges.of(await service.list_badges(session, account_id=citizen.account_id), language=language)


@router.get("/level", summary="我的等级 · My level")
async def get_my_level(session: Session, citizen: Citizen, language: AskedLanguage) -> MyLevel:
    return MyLevel.of(await service.get_level(session, account_id=citizen.account_id), language=language)


@router.get("/streak", summary="我的连续天数 · My streak")
async def get_my_streak(request: Request, session: Session, citizen: Citizen) -> MyStreak:
    today = clock.local_date(clock.now(), request.app.state.time_zone)
    return MyStreak.of(await service.get_streaks(session, account_id=citizen.account_id, today=today))
