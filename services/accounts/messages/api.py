from fastapi import APIRouter, Response

from services.accounts.database import SCHEMA
from services.accounts.live_citizen import LiveCitizen
from services.accounts.messages import service
from services.accounts.messages.schemas import MessageAnswersIn, MessageChoicesOut
from services.accounts.messages.templates import offered_templates
from services.accounts.resources import RequestResources
from shared import idempotency
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounts", tags=["消息 Messages"])
_ROUTE = "POST /me/messages"


@router.get("/me/messages", summary="我订阅的消息 · Messages that I asked for")
async def list_messages(
    citizen: Citizen, session: Session, resources: RequestResources, language: AskedLanguage
) -> MessageChoicesOut:
    """微信的订阅是一次性的：每同意一次，可收到一条。A subscription of WeChat is one-time: one message an acceptance."""
    offered = offered_templates(resources.settings.message_templates)
    choices = await service.list_choices(session, offered=offered, user_id=citizen.user_id)
    return MessageChoicesOut.of(choices, language)


@router.post("/me/messages", summary="记录订阅结果 · Record what I answered")
async def answer_messages(
    body: MessageAnswersIn,
    citizen: LiveCitizen,
    session: Session,
    resources: RequestResources,
    language: AskedLanguage,
    key: idempotency.OptionalKey,
    response: Response,
) -> MessageChoicesOut:
    """每次 accept 增加一条，最多累计 30 条；ban 或 stop 清零。带 Idempotency-Key 重发时只记一次。

    Each `accept` allows one more message, at most 30. `ban` and `stop` end them. Send an Idempotency-Key: a repeated
    request then counts once.
    """
    subject = str(citizen.user_id)
    if key is not None:
        known = await idempotency.begin(session, schema=SCHEMA, subject=subject, route=_ROUTE, key=key)
        if known is not None:
            response.headers[idempotency.REPLAYED_HEADER] = "true"
            return MessageChoicesOut.model_validate(known.body)
    choices = await service.record_answers(
        session,
        offered=offered_templates(resources.settings.message_templates),
        user_id=citizen.user_id,
        answers={one.kind: one.answer for one in body.answers},
    )
    answer = MessageChoicesOut.of(choices, language)
    if key is not None:
        await idempotency.finish(
            session,
            schema=SCHEMA,
            subject=subject,
            route=_ROUTE,
            key=key,
            status=200,
            body_json=answer.model_dump_json(),
        )
    return answer
