"""Carbon accounts (碳账户): one per person (领取个人碳账户), household and enterprise."""

import secrets
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from services.accounts.carbon_accounts import domain, repository
from services.accounts.carbon_accounts.errors import CarbonAccountNotOpened
from services.accounts.carbon_accounts.models import CarbonAccount
from shared import clock
from shared.contracts.identity import enterprise_account_id, household_account_id, person_account_id
from shared.db import Session

# With six million accounts, a random number is taken once in 16,000 tries. Five in a row mean broken randomness.
_NUMBER_ATTEMPTS = 5
AccountKind = Literal["person", "household", "enterprise"]


@dataclass(frozen=True, slots=True)
class Account:
    """A carbon account. `user_id` is set for kind person, `household_id` for kind household, and so on."""

    account_id: uuid.UUID
    user_id: uuid.UUID | None
    household_id: uuid.UUID | None
    enterprise_id: uuid.UUID | None
    account_no: str
    kind: AccountKind
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class OpenResult:
    """`is_new` is False when the person had opened the account before."""

    account: Account
    is_new: bool


async def open_personal_account(session: Session, *, user_id: uuid.UUID, prefix: str) -> OpenResult:
    """Open the person's account, or return the one opened before. The caller holds the user's lock."""
    existing = await repository.by_user(session, user_id=user_id)
    if existing is not None:
        return OpenResult(_account(existing), is_new=False)
    account = await _open(session, "person", person_account_id(user_id), prefix, user_id=user_id)
    return OpenResult(account, is_new=True)


async def open_household_account(session: Session, *, household_id: uuid.UUID, prefix: str) -> Account:
    """Open the account of a new household, in the transaction that creates the household."""
    return await _open(session, "household", household_account_id(household_id), prefix, household_id=household_id)


async def open_enterprise_account(session: Session, *, enterprise_id: uuid.UUID, prefix: str) -> Account:
    """Open the account of an enterprise, in the transaction that approves it."""
    account_id = enterprise_account_id(enterprise_id)
    return await _open(session, "enterprise", account_id, prefix, enterprise_id=enterprise_id)


async def _open(
    session: Session, kind: AccountKind, account_id: uuid.UUID, prefix: str, **holder: uuid.UUID
) -> Account:
    for _ in range(_NUMBER_ATTEMPTS):
        row = await repository.try_insert(
            session,
            account_id=account_id,
            account_no=domain.compose_account_no(prefix, secrets.randbelow(10**domain.RANDOM_DIGITS)),
            kind=kind,
            at=clock.now(),
            **holder,
        )
        if row is not None:
            return _account(row)
    raise RuntimeError("no free account number found")


async def numbers_of(session: Session, *, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the numbers of these accounts. Unknown ids are left out."""
    return await repository.numbers_of(session, account_ids=account_ids) if account_ids else {}


def is_account_no(text: str) -> bool:
    """Whether form and check digit are valid. It does not tell whether the account exists."""
    return domain.is_account_no(text)


async def find_personal(session: Session, *, user_id: uuid.UUID) -> Account | None:
    row = await repository.by_user(session, user_id=user_id)
    return _account(row) if row else None


async def find_owners(session: Session, *, account_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID]:
    """Return the users of personal accounts. Accounts of households and unknown ones are left out."""
    return await repository.users_of(session, account_ids=account_ids)


async def require_personal(session: Session, *, user_id: uuid.UUID) -> Account:
    """Return the personal account of a user. Raises CarbonAccountNotOpened."""
    account = await find_personal(session, user_id=user_id)
    if account is None:
        raise CarbonAccountNotOpened
    return account


async def get_household_account(session: Session, *, household_id: uuid.UUID) -> Account:
    row = await repository.by_household(session, household_id=household_id)
    assert row is not None  # opened in the transaction that created the household
    return _account(row)


async def find_enterprise_account(session: Session, *, enterprise_id: uuid.UUID) -> Account | None:
    """Return the account of an enterprise, or None before its approval."""
    row = await repository.by_enterprise(session, enterprise_id=enterprise_id)
    return _account(row) if row else None


async def find_by_number(session: Session, *, account_no: str) -> Account | None:
    row = await repository.by_number(session, account_no=account_no)
    return _account(row) if row else None


def _account(row: CarbonAccount) -> Account:
    kind = cast("AccountKind", row.kind)
    return Account(
        row.account_id, row.user_id, row.household_id, row.enterprise_id, row.account_no, kind, row.opened_at
    )
