"""Which accounts are erased: asked before a late fact about a person is stored."""

import uuid
from collections.abc import Collection
from typing import Final

from services.rewards.database import SCHEMA
from services.rewards.erased_accounts import repository
from services.rewards.erased_accounts.models import erasure_task
from shared.db import Session
from shared.erasing import Eraser

TASKS: Final = Eraser(SCHEMA, erasure_task, source="/rewards")


async def erased_among(session: Session, account_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the accounts whose person is erased or being erased."""
    return await repository.erased_among(session, account_ids) if account_ids else set()
