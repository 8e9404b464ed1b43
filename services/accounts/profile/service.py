"""The citizen's own profile, read from the other rooms."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from services.accounts.bindings import service as bindings
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.carbon_accounts.service import Account
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.erasures import service as erasures
from services.accounts.erasures.service import ErasureView
from services.accounts.households import service as households
from services.accounts.households.service import Stay
from services.accounts.households.views import HouseholdView
from services.accounts.phones import service as phones
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared.db import Session


@dataclass(frozen=True, slots=True)
class Profile:
    user_id: uuid.UUID
    created_at: datetime
    account: Account | None
    household: HouseholdView | None
    removal: Stay | None
    phone_masked: str | None
    data_processing_consent: bool
    bound_partner_ids: tuple[str, ...]
    erasure: ErasureView | None


async def read_profile(session: Session, *, vault: Vault, user_id: uuid.UUID) -> Profile:
    """Read the profile of a user. Raises Unauthenticated (the user is gone)."""
    user = await users.read_user(session, user_id=user_id)
    live = await bindings.list_live(session, user_id=user_id)
    return Profile(
        user_id=user.user_id,
        created_at=user.created_at,
        account=await carbon_accounts.find_personal(session, user_id=user_id),
        household=await households.find_household(session, vault=vault, user_id=user_id),
        removal=await households.find_removal(session, user_id=user_id),
        phone_masked=await phones.read_masked(session, vault=vault, user_id=user_id),
        data_processing_consent=await consents.has_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING),
        bound_partner_ids=tuple(sorted(row.partner_id for row in live if row.status == "active")),
        erasure=await erasures.find_planned(session, user_id=user_id),
    )
