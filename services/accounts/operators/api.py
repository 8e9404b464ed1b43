from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from services.accounts.freezes.client import UNKNOWN
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.operators import service
from services.accounts.operators.errors import AccountNotFound
from services.accounts.operators.schemas import AccountSeenOut, LookUpOut, LookUpReason
from services.accounts.operators.service import LookUpKind
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen, Operator
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/ops", tags=["运营 Operators"])
citizens = APIRouter(prefix="/api/v1/accounts", tags=["我 Me"])


@router.get("/accounts/{account_no}", summary="按账户号查询 · Look up an account by its number")
async def look_up_account(
    account_no: Annotated[str, Path(max_length=32)],
    operator: Annotated[Operator, Depends(require_live_operator("ops:read"))],
    resources: RequestResources,
    reason: Annotated[
        LookUpReason,
        Query(description="查询原因，必填，记入审计 Required, stored in the audit record", examples=["工单 2026-1123"]),
    ],
    reason_kind: Annotated[
        LookUpKind, Query(description="原因的类别，本人可以看到 The kind of reason, which the person sees")
    ] = "other",
) -> AccountSeenOut:
    """每次查询都留有审计记录；每人每小时最多 30 次，每天最多 120 次。

    Every look-up is recorded, also if it finds nothing. At most 30 an hour and 120 a day for each operator.
    """
    await service.count_look_up(resources.database, operator=operator.subject, account_no=account_no)
    async with resources.database.transaction() as session:
        facts = await service.look_up_account(
            session,
            vault=resources.vault,
            operator=operator.subject,
            account_no=account_no,
            reason=reason,
            reason_kind=reason_kind,
        )
    if facts is None:  # raised after the commit, so that the audit record stays
        raise AccountNotFound
    freeze = await resources.freezes.read(facts.account_id) if facts.kind == "person" else UNKNOWN
    return AccountSeenOut.of(facts, frozen=freeze.frozen, frozen_since=freeze.since)


@citizens.get("/me/look-ups", summary="谁查过我的账户 · Who looked up my account")
async def list_look_ups(
    citizen: Citizen, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[LookUpOut]:
    """运营人员每次查询个人信息都留有记录。这里列出时间、岗位和原因，不列姓名。

    Every look-up of personal data by an operator, with time, role and kind of reason, without a name.
    """
    rows = await service.list_look_ups(
        session, user_id=citizen.user_id, before=position_of(cursor, int), limit=limit + 1
    )
    return Page.of(rows, limit, item=LookUpOut.of, cursor=lambda row: (row.number,))
