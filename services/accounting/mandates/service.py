"""Use cases of mandates: project the topic of accounts, and read the mandates that may cover some acts."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.mandates import repository
from services.accounting.mandates.domain import Mandates
from shared.contracts.mandates_v1 import MandateChanged
from shared.db import Connection, Session
from shared.projection import Items, newest


async def handle_mandates(session: Session, items: Items[MandateChanged]) -> None:
    """Store the newest version of each mandate, in any order of arrival. Consumer of `accounts.mandates.v1`.

    A late record about an erased person is dropped.
    """
    changes = newest(
        (change for _, change in items), key=lambda change: change.mandate_id, version=lambda change: change.version
    )
    erased = await erased_accounts.erased_among(session, {change.account_id for change in changes.values()})
    kept = [change for change in changes.values() if change.account_id not in erased]
    if kept:
        await repository.upsert_mandates(session, kept)


async def mandates_of(connection: Connection, account_ids: Iterable[uuid.UUID], *, earliest: datetime) -> Mandates:
    """Return the mandates of these people by account. No act of theirs began before `earliest`."""
    return await repository.mandates_of(connection, sorted(account_ids), earliest)
