from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from services.accounts.freezes.client import UNKNOWN
from services.accounts.operators import service
from services.accounts.operators.errors import AccountNotFound
from services.accounts.operators.schemas import AccountSeenOut
from services.accounts.resources import RequestResources
from shared.auth.tokens import Operator, require_scope

router = APIRouter(prefix="/api/v1/accounts/ops", tags=["运营 Operators"])


@router.get("/accounts/{account_no}", summary="按账户号查询 · Look up an account by its number")
async def look_up_account(
    account_no: Annotated[str, Path(max_length=32)],
    operator: Annotated[Operator, Depends(require_scope("ops:read"))],
    resources: RequestResources,
    reason: Annotated[
        str | None, Query(max_length=200, description="查询原因，记入审计 Stored in the audit record")
    ] = None,
) -> AccountSeenOut:
    """每次查询都留有审计记录。Every look-up is recorded, also if it finds nothing."""
    async with resources.database.transaction() as session:
        facts = await service.look_up_account(
            session, vault=resources.vault, operator=operator.subject, account_no=account_no, reason=reason
        )
    if facts is None:  # raised after the commit, so that the audit record stays
        raise AccountNotFound
    freeze = await resources.freezes.read(facts.account_id) if facts.kind == "person" else UNKNOWN
    return AccountSeenOut.of(facts, frozen=freeze.frozen, frozen_since=freeze.since)
