"""Routes of the yearly statement: to the donor, and to the members of an enterprise."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from services.rewards.campaigns.domain import Donor
from services.rewards.certificates.page import PAGES_PATH
from services.rewards.documents.domain import Form
from services.rewards.documents.replies import file_answers, file_response, waiting_response
from services.rewards.donor_statements import service
from services.rewards.donor_statements.schemas import YearlyStatementView
from services.rewards.enterprises import service as enterprises
from services.rewards.settings import Settings
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.live_sessions import LiveCitizen

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])

Year = Annotated[int, Query(ge=2020, le=2100, description="公历年，按北京时间 Calendar year in Asia/Shanghai")]
IfNoneMatch = Annotated[str | None, Header(max_length=1000)]


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
    "/me/certificates.pdf",
    response_class=Response,
    responses=file_answers(Form.PDF),
    summary="年度捐赠单 PDF · My donations of a year as PDF",
)
async def get_my_yearly_statement_pdf(
    request: Request, session: Session, citizen: LiveCitizen, year: Year, if_none_match: IfNoneMatch = None
) -> Response:
    """首次请求返回 202，由后台制作。须已登录：请求会存下文件。

    The first request gets 202, and the worker makes the file. The session must live, because the request stores it.
    """
    return await _file(request, session, Donor(user_id=citizen.user_id), citizen, year, if_none_match)


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


@router.get(
    "/enterprises/{enterprise_id}/certificates.pdf",
    response_class=Response,
    responses=file_answers(Form.PDF),
    summary="企业年度捐赠单 PDF · Donations of an enterprise in a year as PDF",
)
async def get_enterprise_yearly_statement_pdf(
    request: Request,
    session: Session,
    citizen: LiveCitizen,
    enterprise_id: uuid.UUID,
    year: Year,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """仅企业成员可取，首次请求返回 202。For its members only. The first request gets 202."""
    await enterprises.require_role(
        session, enterprise_id=enterprise_id, person_id=citizen.account_id, roles=(), acting=False
    )
    return await _file(request, session, Donor(enterprise_id=enterprise_id), citizen, year, if_none_match)


async def _file(
    request: Request, session: Session, donor: Donor, citizen: LiveCitizen, year: int, if_none_match: str | None
) -> Response:
    settings: Settings = request.app.state.settings
    file = await service.get_statement_file(
        session,
        donor=donor,
        asked_by=citizen.user_id,
        year=year,
        check_address=settings.public_base_url.rstrip("/") + PAGES_PATH,
        time_zone=settings.time_zone,
    )
    if file is None:
        return waiting_response()
    return file_response(file, name=f"donations-{year}", if_none_match=if_none_match, is_public=False)
