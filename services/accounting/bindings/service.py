"""Use cases of bindings: project the topic of accounts, look up the bindings of reported events."""

import uuid
from collections.abc import Collection, Iterable, Sequence

from services.accounting.bindings import repository
from services.accounting.bindings.domain import SETTLED_AFTER, Bindings
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Connection, Session
from shared.projection import Items, newest


async def handle_bindings(session: Session, items: Items[BindingChanged]) -> None:
    """Store the newest version of each binding, in any order of arrival. Consumer of `accounts.bindings.v1`."""
    changes = newest(
        (change for _, change in items), key=lambda change: change.binding_id, version=lambda change: change.version
    )
    await repository.upsert_bindings(session, list(changes.values()))
    shorter = [one.binding_id for one in changes.values() if one.ended_at or one.consent_withdrawn_at]
    if shorter:
        await repository.queue_rechecks(session, shorter, clock.now())


async def due_rechecks(session: Session, *, at_most: int) -> Sequence[uuid.UUID]:
    """Return bindings that ended or lost their consent and whose acts must be looked at, locked."""
    return await repository.due_rechecks(session, clock.now(), at_most)


async def note_look(session: Session, binding_ids: Sequence[uuid.UUID]) -> None:
    """Note that the acts of these bindings were looked at.

    Each binding is looked at a second time later: a poll that began before its end was known may commit after the
    first look.
    """
    await repository.note_look(session, binding_ids, again_at=clock.now() + SETTLED_AFTER)


async def bindings_of(connection: Connection, reports: Iterable[ActivityReported]) -> Bindings:
    """Return the bindings of the people that these reports may be about."""
    return await repository.bindings_of(connection, sorted({(one.partner_id, one.account_key) for one in reports}))


async def account_keys_of(
    connection: Connection, pairs: Collection[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], str]:
    """Return the account key of outcomes for a partner about a person, by (partner, account)."""
    return await repository.account_keys_of(connection, sorted(pairs))
