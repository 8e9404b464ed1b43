"""Look-ups by operators. Each is recorded, also when it finds nothing."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from services.accounts.bindings import service as bindings
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.households import service as households
from services.accounts.operators import repository
from services.accounts.operators.errors import AccountNoInvalid
from services.accounts.operators.models import OperatorAction
from services.accounts.phones import service as phones
from services.accounts.vault import Vault
from shared import clock, telemetry
from shared.db import Session


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """`members` only for a household; phone, consent and bindings only for a person."""

    account_id: uuid.UUID
    account_no: str
    kind: str
    opened_at: datetime
    members: int | None
    phone_masked: str | None
    data_processing_consent: bool | None
    bound_partner_ids: tuple[str, ...]


async def look_up_account(
    session: Session, *, vault: Vault, operator: str, account_no: str, reason: str | None
) -> AccountFacts | None:
    """Record the look-up and return pseudonymous facts about the account, or None if there is no such account.

    The caller commits before it answers "not found", so that the record stays. Raises AccountNoInvalid.
    """
    if not carbon_accounts.is_account_no(account_no):
        raise AccountNoInvalid
    account = await carbon_accounts.find_by_number(session, account_no=account_no)
    action = OperatorAction(
        at=clock.now(),
        operator=operator,
        action="account.look_up",
        account_no=account_no,
        account_id=account.account_id if account else None,
        reason=reason,
        request_id=telemetry.current_request_id(),
    )
    await repository.add(session, action)
    if account is None:
        return None
    if account.household_id is not None:
        members = await households.count_members(session, household_id=account.household_id)
        return AccountFacts(account.account_id, account_no, account.kind, account.opened_at, members, None, None, ())
    user_id = account.user_id
    assert user_id is not None  # the table's CHECK allows only persons here
    return AccountFacts(
        account_id=account.account_id,
        account_no=account.account_no,
        kind=account.kind,
        opened_at=account.opened_at,
        members=None,
        phone_masked=await phones.read_masked(session, vault=vault, user_id=user_id),
        data_processing_consent=await consents.has_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING),
        bound_partner_ids=tuple(sorted(row.partner_id for row in await bindings.list_live(session, user_id=user_id))),
    )
