from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from services.accounts.freezes.client import UNKNOWN
from services.accounts.operator_sessions.live_operator import require_live_operator
from services.accounts.operators import service
from services.accounts.operators.errors import AccountNotFound
from services.accounts.operators.schemas import AccountSeenOut, LookUpReason
from services.accounts.resources import RequestResources
from shared.auth.tokens import Operator

router = APIRouter(prefix="/api/v1/accounts/ops", tags=["运营 Operators"])


@router.get("/accounts/{account_no}", summary="按账户号查询 · Look up an account by its number")
async def look_up_account(
    account_no: Annotated[str, Path(max_length=32)],
    operator: Annotated[Operator, Depends(require_live_operator("ops:read"))],
    resources: RequestResources,
    reason: Annotated[
        LookUpReason,
        Query(description="查询原因，必填，记入审计 Required, stored in the audit record", examples=["工单 2026-1123"]),
    ],
) -> AccountSeenOut:
    """每次查询都留有审计记录；每人每小时最多 30 次，每天最多 120 次。

    Every look-up is recorded, also if it finds nothing. At most 30 an hour and 120 a day for each operator.
    """
    await service.count_look_up(resources.database, operator=operator.subject, account_no=account_no)
    async with resources.database.transaction() as session:
        facts = await service.look_up_account(
            session, vault=resources.vault, operator=operator.subject, account_no=account_no, reason=reason
        )
    if facts is None:  # raised after the commit, so that the audit record stays
        raise AccountNotFound
    freeze = await resources.freezes.read(facts.account_id) if facts.kind == "person" else UNKNOWN
    return AccountSeenOut.of(facts, frozen=freeze.frozen, frozen_since=freeze.since)
