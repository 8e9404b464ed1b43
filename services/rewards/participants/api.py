"""Routes on which a citizen joins the rankings, changes pseudonym or district, and leaves."""

from fastapi import APIRouter

from services.rewards.participants import service
from services.rewards.participants.schemas import ParticipationChoices, ParticipationView, TakePart
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.live_sessions import LiveCitizen

router = APIRouter(prefix="/api/v1/rewards/me/rankings", tags=["荣誉 Recognition"])


@router.get("/choices", summary="可选的代号与区 · Pseudonyms and districts to choose from")
async def list_ranking_choices(session: Session, _citizen: Citizen, language: AskedLanguage) -> ParticipationChoices:
    """代号随机给出，每次不同。Pseudonyms are drawn at random, others each time."""
    return ParticipationChoices.of(await service.offer_pseudonyms(session), language)


@router.get("/participation", summary="我是否参加排行 · Whether I take part in rankings")
async def get_participation(session: Session, citizen: Citizen, language: AskedLanguage) -> ParticipationView:
    return ParticipationView.of(await service.get_participation(session, account_id=citizen.account_id), language)


@router.put("/participation", summary="参加排行 · Take part in rankings")
async def take_part(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, body: TakePart
) -> ParticipationView:
    """另须同意 `rankings` 事项；同意未到之前为 waiting_for_consent，不显示。可重复提交，用于更换。
    Needs the consent to `rankings` as well; until it arrives nothing is shown. Repeat it to change the choice."""
    done = await service.take_part(
        session, account_id=citizen.account_id, pseudonym=body.pseudonym_id, district=body.district
    )
    return ParticipationView.of(done, language)


@router.delete("/participation", status_code=204, summary="退出排行 · Leave the rankings")
async def leave_rankings(session: Session, citizen: LiveCitizen) -> None:
    """代号和区立即删除，名次在一分钟内消失。撤回 `rankings` 同意的效果相同。
    Forgets pseudonym and district at once, places within a minute. Withdrawing the consent does the same."""
    await service.leave(session, account_id=citizen.account_id)
