import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.accounts.freeze_questions import service
from services.accounts.freeze_questions.schemas import AnswerIn, QuestionIn, QuestionOut, QuestionSeenOut
from services.accounts.live_citizen import LiveCitizen
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen, Operator
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts")

ServiceDesk = Annotated[Operator, Depends(require_live_operator("ops:accounts"))]


@router.post("/me/freeze-questions", status_code=201, tags=["我 Me"], summary="询问冻结 · Ask about the freeze")
async def ask_question(body: QuestionIn, citizen: LiveCitizen, resources: RequestResources) -> QuestionOut:
    """账户冻结时可以提问，每天三次；答复在同一处查看。

    Three questions a day while the account is frozen. The answer appears in the list.
    """
    freeze = await resources.freezes.read(citizen.account_id)
    async with resources.database.transaction() as session:
        view = await service.ask(session, vault=resources.vault, user_id=citizen.user_id, freeze=freeze, text=body.text)
    return QuestionOut.of(view)


@router.get("/me/freeze-questions", tags=["我 Me"], summary="我的提问和答复 · My questions and their answers")
async def list_questions(
    citizen: Citizen,
    session: Session,
    resources: RequestResources,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[QuestionOut]:
    rows = await service.list_own(
        session,
        vault=resources.vault,
        user_id=citizen.user_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=QuestionOut.of, cursor=lambda row: (row.question_id,))


@router.get("/ops/freeze-questions", tags=["运营 Operators"], summary="待答复的冻结提问 · Questions to answer")
async def list_open_questions(
    _operator: ServiceDesk,
    session: Session,
    resources: RequestResources,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[QuestionSeenOut]:
    """最早的在前。Oldest first."""
    rows = await service.list_open(
        session, vault=resources.vault, after=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=QuestionSeenOut.of, cursor=lambda row: (row.question_id,))


@router.post(
    "/ops/freeze-questions/{question_id}/answer", tags=["运营 Operators"], summary="答复冻结提问 · Answer a question"
)
async def answer_question(
    question_id: uuid.UUID,
    body: AnswerIn,
    operator: ServiceDesk,
    session: Session,
    resources: RequestResources,
) -> QuestionSeenOut:
    view = await service.answer(
        session, vault=resources.vault, question_id=question_id, text=body.text, operator=operator.subject
    )
    return QuestionSeenOut.of(view)
