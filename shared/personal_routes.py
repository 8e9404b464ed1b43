"""The internal route by which accounts collects a person's rows for an export. Mounted by each other service."""

from typing import Annotated

from fastapi import APIRouter, Depends

from shared.auth.tokens import require_service
from shared.contracts.personal_rows import PersonalDataPage, PersonalDataQuestion, PersonalRow
from shared.db import Session
from shared.errors import InvalidRequest
from shared.personal_rows import CursorBroken, PersonalRows, PersonIds


def personal_data_router(service: str, rows: PersonalRows) -> APIRouter:
    router = APIRouter(prefix=f"/internal/{service}", include_in_schema=False)

    @router.post("/personal-data")
    async def read_personal_data(
        question: PersonalDataQuestion,
        session: Session,
        _caller: Annotated[str, Depends(require_service(service, callers={"accounts"}))],
    ) -> PersonalDataPage:
        ids = PersonIds(user_id=question.user_id, account_id=question.account_id, events=question.events)
        try:
            found, after = await rows.page(session, ids, after=question.after)
        except CursorBroken as broken:
            raise InvalidRequest from broken
        page = [PersonalRow(table=table, row=row) for table, row in found]
        return PersonalDataPage(rows=page, titles=rows.titles(found), after=after)

    return router
