"""Use cases of bindings: project the topic of accounts, look up the bindings of reported events."""

import uuid
from collections.abc import Collection, Iterable

from services.accounting.bindings import repository
from services.accounting.bindings.domain import Bindings
from services.accounting.erased_accounts import service as erased_accounts
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Connection, Session
from shared.projection import Items, newest


async def handle_bindings(session: Session, items: Items[BindingChanged]) -> None:
    """Store the newest version of each binding, in any order of arrival. Consumer of `accounts.bindings.v1`.

    A late record about an erased person is dropped.
    """
    changes = newest(
        (change for _, change in items), key=lambda change: change.binding_id, version=lambda change: change.version
    )
    erased = await erased_accounts.erased_among(session, {change.account_id for change in changes.values()})
    kept = [change for change in changes.values() if change.account_id not in erased]
    if kept:
        await repository.upsert_bindings(session, kept)


async def bindings_of(connection: Connection, reports: Iterable[ActivityReported]) -> Bindings:
    """Return the bindings of the people that these reports may be about."""
    return await repository.bindings_of(connection, sorted({(one.partner_id, one.account_key) for one in reports}))


async def account_keys_of(
    connection: Connection, pairs: Collection[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], str]:
    """Return the account key of outcomes for a partner about a person, by (partner, account)."""
    return await repository.account_keys_of(connection, sorted(pairs))
