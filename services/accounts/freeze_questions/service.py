"""Use cases: a person with a frozen account asks, an operator answers, the person reads the answer."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.accounts.audit import service as audit
from services.accounts.freeze_questions import repository
from services.accounts.freeze_questions.errors import AccountNotFrozen, QuestionAnswered, QuestionNotFound
from services.accounts.freeze_questions.models import FreezeQuestion
from services.accounts.freezes.client import Freeze
from services.accounts.person_keys import service as person_keys
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.identity import person_account_id
from shared.db import Session
from shared.ids import new_id
from shared.instants import stamp
from shared.sealing import Sealer

QUESTIONS_QUOTA: Final = Quota("freeze_question", at_most=3, window_s=86_400)
# Three a day: more than a year of asking every day.
_EXPORTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class QuestionView:
    """`account_id` is that of the person who asks."""

    question_id: uuid.UUID
    account_id: uuid.UUID
    text: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


async def ask(session: Session, *, vault: Vault, user_id: uuid.UUID, freeze: Freeze, text: str) -> QuestionView:
    """Put a question into the operators' queue. If accounting does not answer, the account may be frozen.

    Raises AccountNotFrozen, QuotaExceeded, Unauthenticated.
    """
    if freeze.frozen is False:
        raise AccountNotFrozen
    await users.lock_user(session, user_id=user_id)
    await quotas.count_use(session, user_id=user_id, quota=QUESTIONS_QUOTA)
    sealer = await person_keys.open_key(session, vault=vault, user_id=user_id)
    question_id = new_id()
    row = FreezeQuestion(
        question_id=question_id,
        user_id=user_id,
        text_sealed=sealer.seal(text, f"question:{question_id}"),
        asked_at=clock.now(),
    )
    await repository.add(session, row)
    return _view(row, sealer)


async def list_own(
    session: Session, *, vault: Vault, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[QuestionView]:
    """List the person's questions with their answers, the newest first."""
    rows = await repository.list_of_user(session, user_id=user_id, before=before, limit=limit)
    if not rows:
        return ()
    sealer = await person_keys.read_key(session, vault=vault, user_id=user_id)
    return [_view(row, sealer) for row in rows]


async def export_user(session: Session, *, vault: Vault, user_id: uuid.UUID) -> Sequence[Mapping[str, object]]:
    """Return the newest _EXPORTED_MAX questions of a person with their answers, for the export."""
    views = await list_own(session, vault=vault, user_id=user_id, before=None, limit=_EXPORTED_MAX)
    return [
        {
            "question_id": str(view.question_id),
            "asked_at": stamp(view.asked_at),
            "question": view.text,
            "answered_at": None if view.answered_at is None else stamp(view.answered_at),
            "answer": view.answer,
        }
        for view in views
    ]


async def list_open(session: Session, *, vault: Vault, after: uuid.UUID | None, limit: int) -> Sequence[QuestionView]:
    """List the questions without an answer, the oldest first."""
    rows = await repository.list_open(session, after=after, limit=limit)
    return [_view(row, await person_keys.read_key(session, vault=vault, user_id=row.user_id)) for row in rows]


async def answer(session: Session, *, vault: Vault, question_id: uuid.UUID, text: str, operator: str) -> QuestionView:
    """Answer a question once. The audit log says who answered, not what. Raises QuestionNotFound, QuestionAnswered."""
    row = await repository.lock(session, question_id=question_id)
    if row is None:
        raise QuestionNotFound
    if row.answered_at is not None:
        raise QuestionAnswered
    sealer = await person_keys.read_key(session, vault=vault, user_id=row.user_id)
    row.answer_sealed, row.answered_at = sealer.seal(text, f"answer:{question_id}"), clock.now()
    about = f"freeze_question:{question_id}"
    await audit.log.record(session, subject=operator, action="freeze_question.answer", about=about, reason="answered")
    return _view(row, sealer)


def _view(row: FreezeQuestion, sealer: Sealer) -> QuestionView:
    return QuestionView(
        question_id=row.question_id,
        account_id=person_account_id(row.user_id),
        text=sealer.open(row.text_sealed, f"question:{row.question_id}"),
        asked_at=row.asked_at,
        answer=sealer.open(row.answer_sealed, f"answer:{row.question_id}") if row.answer_sealed else None,
        answered_at=row.answered_at,
    )
