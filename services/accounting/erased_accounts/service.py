"""Which accounts are erased: asked before a late fact about a person is stored."""

import uuid
from collections.abc import Collection, Sequence
from typing import Final

from services.accounting.database import SCHEMA
from services.accounting.erased_accounts import repository
from services.accounting.erased_accounts.errors import AccountErased
from services.accounting.erased_accounts.models import erasure_task
from shared.db import Session
from shared.erasing import Eraser

TASKS: Final = Eraser(SCHEMA, erasure_task, source="/accounting")


async def erased_among(session: Session, account_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the accounts whose person is erased or being erased."""
    return await repository.erased_among(session, account_ids) if account_ids else set()


async def require_person(session: Session, *, account_id: uuid.UUID) -> None:
    """Raises AccountErased."""
    if await TASKS.is_erased(session, account_id):
        raise AccountErased


async def watch_balance(session: Session, *, account_id: uuid.UUID) -> None:
    """Grams may still arrive at this account: they vest, or a hold ends."""
    await repository.watch_balance(session, account_id)


async def take_balances(session: Session, *, older_than_s: int, limit: int) -> Sequence[uuid.UUID]:
    """Return accounts to look at again, each at most once in `older_than_s`."""
    return await repository.take_balances(session, older_than_s=older_than_s, limit=limit)


async def forget_balance(session: Session, *, account_id: uuid.UUID) -> None:
    await repository.forget_balance(session, account_id)
