"""Use cases of consents: project the topic of accounts, ask who consents to a purpose.

Crediting does not ask here: a binding carries the end of the consents that it needs, so posting reads nothing more.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from services.accounting.consents import repository
from services.accounting.erased_accounts import service as erased_accounts
from shared.contracts.consents_v1 import ConsentChanged
from shared.db import Connection, Session
from shared.projection import Items, newest


async def handle_consents(session: Session, items: Items[ConsentChanged]) -> None:
    """Store the newest version of each consent, in any order of arrival. Consumer of `accounts.consents.v1`.

    A late record about an erased person is dropped.
    """
    changes = newest(
        (change for _, change in items),
        key=lambda change: (change.account_id, change.purpose),
        version=lambda change: change.version,
    )
    erased = await erased_accounts.erased_among(session, {change.account_id for change in changes.values()})
    kept = [change for change in changes.values() if change.account_id not in erased]
    if kept:
        await repository.upsert_consents(session, kept)


async def holders_of(
    connection: Connection, *, purpose: str, account_ids: Collection[uuid.UUID], at: datetime
) -> set[uuid.UUID]:
    """Return those of these people who consent to the purpose at that time, by their newest consent.

    `purpose`: a name of `shared.contracts.consents_v1`, or `partner:<id>`. Whoever is unknown does not consent.
    """
    return await repository.holders_of(connection, purpose, sorted(account_ids), at) if account_ids else set()
