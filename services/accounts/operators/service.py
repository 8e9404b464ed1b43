"""Look-ups by operators. Each is recorded, also when it finds nothing."""

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog

from services.accounts.bindings import service as bindings
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.households import service as households
from services.accounts.messages import service as messages
from services.accounts.messages.service import MessageKind
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operators import repository
from services.accounts.operators.errors import AccountNoInvalid, TooManyLookUps
from services.accounts.operators.models import OperatorAction
from services.accounts.phones import service as phones
from services.accounts.quotas import service as quotas
from services.accounts.quotas.errors import QuotaExceeded
from services.accounts.quotas.service import Quota
from services.accounts.vault import Vault
from shared import clock, telemetry
from shared.db import Database, Session

# A hotline answers a citizen in about three minutes. An operator who needs more look-ups searches through people.
LOOK_UPS_PER_HOUR, LOOK_UPS_PER_DAY = 30, 120
_QUOTAS = (
    Quota("operator_look_up_hour", LOOK_UPS_PER_HOUR, 3600),
    Quota("operator_look_up_day", LOOK_UPS_PER_DAY, 86_400),
)
# Refusals that are recorded in the table. The metric and the log have all of them.
_RECORDED_REFUSALS = Quota("operator_look_up_refused", 10, 3600)
# Quotas are kept by person. Operators are not users, so their key derives from the subject.
_OPERATORS = uuid.UUID("6f2a8f0e-6f0b-5a44-9f0d-0c8d5c1c1b18")

LookUpKind = Literal["help", "complaint", "fraud_check", "legal", "other"]
LOOK_UP: Final = "account.look_up"
_log = structlog.get_logger(__name__)


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


@dataclass(frozen=True, slots=True)
class LookUpView:
    """A look-up as the person sees it."""

    number: int
    at: datetime
    role: str
    reason_kind: str


async def count_look_up(database: Database, *, operator: str, account_no: str) -> None:
    """Count a look-up before it is made, also of a number that nobody has. Raises TooManyLookUps.

    The count has a transaction of its own, so that a failed look-up counts as well.
    """
    key = uuid.uuid5(_OPERATORS, operator)
    try:
        async with database.transaction() as session:
            for quota in _QUOTAS:
                await quotas.count_use(session, user_id=key, quota=quota)
    except QuotaExceeded as exceeded:
        telemetry.OPERATOR_LOOK_UPS.labels(outcome="refused").inc()
        _log.warning("operator_look_ups_refused", operator=operator)
        with contextlib.suppress(QuotaExceeded):
            async with database.transaction() as session:
                await quotas.count_use(session, user_id=key, quota=_RECORDED_REFUSALS)
                await _record(session, operator, "account.look_up_refused", account_no, None, "")
        raise TooManyLookUps(per_hour=LOOK_UPS_PER_HOUR, per_day=LOOK_UPS_PER_DAY, headers=exceeded.headers) from None


async def measure_look_ups(session: Session) -> None:
    """Publish how many look-ups one operator made in the last hour, for the alarm."""
    since = clock.now() - timedelta(hours=1)
    telemetry.OPERATOR_LOOK_UPS_MOST.set(await repository.most_of_one_operator(session, since=since))


async def look_up_account(
    session: Session, *, vault: Vault, operator: str, account_no: str, reason: str, reason_kind: LookUpKind
) -> AccountFacts | None:
    """Record the look-up and return pseudonymous facts about the account, or None if there is no such account.

    The caller commits before it answers "not found", so that the record stays. Raises AccountNoInvalid.
    """
    if not carbon_accounts.is_account_no(account_no):
        raise AccountNoInvalid
    account = await carbon_accounts.find_by_number(session, account_no=account_no)
    account_id = account.account_id if account else None
    role = await operator_accounts.role_of(session, subject=operator)
    look_up = await _record(
        session, operator, LOOK_UP, account_no, account_id, reason, reason_kind=reason_kind, role=role
    )
    telemetry.OPERATOR_LOOK_UPS.labels(outcome="found" if account else "not_found").inc()
    if account is None:
        return None
    if account.household_id is not None:
        members = await households.count_members(session, household_id=account.household_id)
        return AccountFacts(account.account_id, account_no, account.kind, account.opened_at, members, None, None, ())
    if account.enterprise_id is not None:
        return AccountFacts(account.account_id, account_no, account.kind, account.opened_at, None, None, None, ())
    user_id = account.user_id
    assert user_id is not None  # the table's CHECK allows only persons here
    await messages.queue(
        session, user_id=user_id, kind=MessageKind.LOOKED_UP, key=str(look_up.id), values={"at": look_up.at}
    )
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


async def list_look_ups(
    session: Session, *, user_id: uuid.UUID, before: int | None, limit: int
) -> Sequence[LookUpView]:
    """List the look-ups of a person's account, the newest first, without the names of operators."""
    account = await carbon_accounts.find_personal(session, user_id=user_id)
    if account is None:
        return ()
    rows = await repository.list_of_account(
        session, account_no=account.account_no, action=LOOK_UP, before=before, limit=limit
    )
    return [LookUpView(row.id, row.at, row.role or "operator", row.reason_kind or "other") for row in rows]


async def _record(
    session: Session,
    operator: str,
    action: str,
    account_no: str,
    account_id: uuid.UUID | None,
    reason: str,
    *,
    reason_kind: LookUpKind | None = None,
    role: str | None = None,
) -> OperatorAction:
    row = OperatorAction(
        at=clock.now(),
        operator=operator,
        action=action,
        account_no=account_no,
        account_id=account_id,
        reason=reason,
        reason_kind=reason_kind,
        role=role,
        request_id=telemetry.current_request_id(),
    )
    await repository.add(session, row)
    return row
