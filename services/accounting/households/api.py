"""The route of a household's balance."""

import uuid

from fastapi import APIRouter

from services.accounting.households import service
from services.accounting.households.schemas import HouseholdBalance
from services.accounting.ledger import service as ledger
from shared.amounts import display
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounting/households", tags=["家庭 Households"])


@router.get("/{household_id}/balance", summary="家庭碳账户余额 · The household's balance")
async def get_household_balance(
    session: Session, citizen: Citizen, language: AskedLanguage, household_id: uuid.UUID
) -> HouseholdBalance:
    """仅家庭成员可见。For its members only."""
    account_id = await service.require_member(session, household_id=household_id, account_id=citizen.account_id)
    parts = await ledger.get_balance(session, account_id=account_id)
    return HouseholdBalance(
        household_id=household_id,
        account_id=account_id,
        available_mg=parts.available_mg,
        pending_mg=parts.pending_mg,
        debt_mg=parts.debt_mg,
        lifetime_mg=parts.lifetime_mg,
        display=display(parts.available_mg, language),
    )
