"""The route of other services: whether sessions live, asked before grams are spent or promised."""

import uuid

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from services.accounts.sessions import service
from shared.auth.tokens import require_service
from shared.db import Session

TOKENS_MAX = 200

_spending = Depends(require_service("accounts", callers={"accounting", "rewards"}))
router = APIRouter(prefix="/internal/accounts", include_in_schema=False, dependencies=[_spending])


class AccessToken(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: uuid.UUID
    token_id: str = Field(min_length=1, max_length=200, description="the claim `jti`")


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tokens: list[AccessToken] = Field(min_length=1, max_length=TOKENS_MAX)


class Answer(BaseModel):
    live: list[bool] = Field(description="in the order of the question")


@router.post("/sessions/live")
async def check_sessions(question: Question, session: Session) -> Answer:
    tokens = [(token.user_id, token.token_id) for token in question.tokens]
    return Answer(live=await service.check_live(session, tokens))
