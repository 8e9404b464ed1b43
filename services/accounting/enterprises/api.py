"""The route of an enterprise's balance, and what accounts asks before it closes an enterprise."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.accounting.enterprises import service
from services.accounting.enterprises.acting import require_enterprise_role
from services.accounting.enterprises.schemas import EnterpriseBalance
from services.accounting.enterprises.service import EnterpriseActor
from services.accounting.ledger import service as ledger
from shared.amounts import display
from shared.auth.tokens import require_service
from shared.contracts.enterprise_holdings import EnterpriseHoldings
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounting/enterprises", tags=["企业 Enterprises"])
internal = APIRouter(prefix="/internal/accounting/enterprises", include_in_schema=False)

Onlooker = Annotated[EnterpriseActor, Depends(require_enterprise_role(acting=False))]
Closer = Annotated[str, Depends(require_service("accounting", callers={"accounts"}))]


@router.get("/{enterprise_id}/balance", summary="企业碳账户余额 · The enterprise's balance")
async def get_enterprise_balance(
    session: Session, actor: Onlooker, language: AskedLanguage, enterprise_id: uuid.UUID
) -> EnterpriseBalance:
    """仅企业成员可见，暂停期间也可查看。For its members only, also while it is suspended."""
    parts = await ledger.get_balance(session, account_id=actor.account_id)
    return EnterpriseBalance(
        enterprise_id=enterprise_id,
        account_id=actor.account_id,
        available_mg=parts.available_mg,
        pending_mg=parts.pending_mg,
        held_mg=parts.held_mg,
        debt_mg=parts.debt_mg,
        lifetime_mg=parts.lifetime_mg,
        display=display(parts.available_mg, language),
    )


@internal.get("/{enterprise_id}/holdings")
async def get_enterprise_holdings(session: Session, enterprise_id: uuid.UUID, _caller: Closer) -> EnterpriseHoldings:
    return await service.holdings(session, enterprise_id=enterprise_id)
