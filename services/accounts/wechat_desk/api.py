import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.accounts.audit.service import log
from services.accounts.messages import service as messages
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.resources import RequestResources
from services.accounts.text_checks import service as text_checks
from services.accounts.wechat_desk.schemas import FailedMessageOut, TextDecisionIn, WaitingTextOut
from shared.auth.tokens import Operator
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/ops", tags=["运营 Operators"])

Reader = Annotated[Operator, Depends(require_live_operator("ops:read"))]
Decider = Annotated[Operator, Depends(require_live_operator("ops:accounts"))]


@router.get("/messages/failed", summary="发送失败的消息 · Messages that failed")
async def list_failed_messages(
    _operator: Reader, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[FailedMessageOut]:
    """因模板、内容或页面有误而未能发送，需要改正配置。

    WeChat refused the template, a value or the page: somebody has to correct the settings. No person is named.
    """
    rows = await messages.list_failed(session, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=FailedMessageOut.model_validate, cursor=lambda row: (row.message_id,))


@router.get("/texts", summary="待审核的文字 · Texts to decide on")
async def list_waiting_texts(
    _operator: Decider,
    session: Session,
    resources: RequestResources,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[WaitingTextOut]:
    """微信无法判断的家庭名称和昵称，最早的在前；不显示是谁的。

    Names that WeChat was not sure about, oldest first. No person is named.
    """
    after = position_of(cursor, uuid.UUID)
    rows = await text_checks.list_waiting(session, vault=resources.vault, after=after, limit=limit + 1)
    return Page.of(rows, limit, item=WaitingTextOut.model_validate, cursor=lambda row: (row.check_id,))


@router.post("/texts/{check_id}/decision", status_code=204, summary="审核文字 · Decide on a text")
async def decide_on_text(check_id: uuid.UUID, body: TextDecisionIn, operator: Decider, session: Session) -> None:
    """通过后，本人再次提交同样的文字即可使用。The person may then send it again. The decision is recorded."""
    kind = await text_checks.decide(session, check_id=check_id, allow=body.allow)
    await log.record(
        session,
        subject=operator.subject,
        action="text.allow" if body.allow else "text.refuse",
        about=f"{kind}:{check_id}",
        reason=body.reason,
    )
