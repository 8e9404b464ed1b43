"""Operators' routes of family cards: what a service window does. Each needs a reason and is audited."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.accounts.family_cards import window
from services.accounts.family_cards.schemas import (
    CardCheckIn,
    CardCodeOut,
    CardOut,
    PrintedCardOut,
    WindowCardIn,
    WindowCodeIn,
    WindowReasonIn,
)
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.resources import RequestResources
from shared.auth.tokens import Operator
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounts/ops/family-cards", tags=["运营 Operators"])

WindowOperator = Annotated[Operator, Depends(require_live_operator("ops:accounts"))]


@router.post("", status_code=201, summary="窗口办亲情卡 · Open a family card at a window")
async def open_card_at_window(
    body: WindowCardIn, operator: WindowOperator, session: Session, resources: RequestResources, response: Response
) -> PrintedCardOut:
    """持卡人到场并同意；代管人可以以后设置。The holder is present and consents. A proxy may follow."""
    printed = await window.open_card(
        session,
        settings=resources.settings,
        vault=resources.vault,
        operator=operator.subject,
        kind=body.kind,
        limit_mg=body.monthly_limit_mg,
        policy_version=body.consent.policy_version,
        reason=body.reason,
    )
    response.headers["Cache-Control"] = "no-store"
    return PrintedCardOut.of(printed)


@router.post("/check", summary="查亲情卡 · Find a family card by its code or number")
async def check_card_at_window(body: CardCheckIn, operator: WindowOperator, resources: RequestResources) -> CardOut:
    """每次都记入审计，并计入查询次数。Each is recorded and counts as a look-up."""
    found = await window.check_card(
        resources.database,
        vault=resources.vault,
        operator=operator.subject,
        qr=body.qr,
        account_no=body.account_no,
        reason=body.reason,
    )
    return CardOut.of(found)


@router.post("/{card_id}/qr", status_code=201, summary="窗口挂失换码 · Replace the code at a window")
async def renew_card_code_at_window(
    card_id: uuid.UUID,
    body: WindowReasonIn,
    operator: WindowOperator,
    session: Session,
    resources: RequestResources,
    response: Response,
) -> PrintedCardOut:
    printed = await window.renew_code(
        session, vault=resources.vault, operator=operator.subject, card_id=card_id, reason=body.reason
    )
    response.headers["Cache-Control"] = "no-store"
    return PrintedCardOut.of(printed)


@router.post(
    "/{card_id}/codes", status_code=201, summary="窗口出码：交给本人或设代管人 · A code for the holder or a proxy"
)
async def issue_card_code_at_window(
    card_id: uuid.UUID, body: WindowCodeIn, operator: WindowOperator, session: Session, response: Response
) -> CardCodeOut:
    code = await window.issue_code(
        session,
        operator=operator.subject,
        card_id=card_id,
        qr=body.qr,
        purpose=body.purpose,
        reason=body.reason,
    )
    response.headers["Cache-Control"] = "no-store"
    return CardCodeOut.of(code)


@router.post("/{card_id}/end", status_code=204, summary="窗口停用亲情卡 · End a family card at a window")
async def end_card_at_window(
    card_id: uuid.UUID,
    body: WindowReasonIn,
    operator: WindowOperator,
    session: Session,
    resources: RequestResources,
) -> None:
    await window.end_card(
        session, settings=resources.settings, operator=operator.subject, card_id=card_id, reason=body.reason
    )
