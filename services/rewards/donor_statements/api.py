"""Routes of the yearly statement: to the donor, and to the members of an enterprise."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.rewards.campaigns.domain import Donor
from services.rewards.donor_statements import service
from services.rewards.donor_statements.schemas import YearlyStatementView
from services.rewards.enterprises import service as enterprises
from services.rewards.settings import Settings
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])

Year = Annotated[int, Query(ge=2020, le=2100, description="公历年，按北京时间 Calendar year in Asia/Shanghai")]


def _time_zone(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.time_zone


@router.get("/me/certificates", summary="年度捐赠单 · My donations of a year, with their certificates")
async def get_my_yearly_statement(
    request: Request, session: Session, citizen: Citizen, language: AskedLanguage, year: Year
) -> YearlyStatementView:
    """退回的捐赠另列一行，数量为负。A refund is a line of its own, with a negative amount."""
    donor = Donor(user_id=citizen.user_id)
    statement = await service.yearly_statement(session, donor=donor, year=year, time_zone=_time_zone(request))
    return YearlyStatementView.of(statement, language=language)


@router.get(
    "/enterprises/{enterprise_id}/certificates", summary="企业年度捐赠单 · Donations of an enterprise in a year"
)
async def get_enterprise_yearly_statement(
    request: Request,
    session: Session,
    citizen: Citizen,
    language: AskedLanguage,
    enterprise_id: uuid.UUID,
    year: Year,
) -> YearlyStatementView:
    """仅企业成员可见，暂停期间也可查看。For its members only, also while it is suspended."""
    await enterprises.require_role(
        session, enterprise_id=enterprise_id, person_id=citizen.account_id, roles=(), acting=False
    )
    donor = Donor(enterprise_id=enterprise_id)
    statement = await service.yearly_statement(session, donor=donor, year=year, time_zone=_time_zone(request))
    return YearlyStatementView.of(statement, language=language)
