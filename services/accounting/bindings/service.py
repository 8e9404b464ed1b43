"""Use cases of bindings: project the topic of accounts, look up the bindings of reported events.

A binding may become known after the acts that it decides: the topics are read separately. Each change that concerns the
past is queued. A timed job of posting then looks at the acts since that moment again, twice.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.accounting.bindings import repository
from services.accounting.bindings.domain import BindingRow, Bindings, changed_since
from services.accounting.erased_accounts import service as erased_accounts
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bindings_v1 import BindingChanged
from shared.db import Connection, Session, driver
from shared.projection import Items, newest

# A credit that is taken back cannot come again. So the job waits for a consent that is given again at once, and for
# the other record of the same request.
SETTLE_S: Final = 15.0
# A poll that read the bindings before the change may commit after the first look. A poll takes seconds at most: a
# statement ends after 30 seconds, an idle transaction after 15.
LOOK_AGAIN_S: Final = 60.0


class LateChange(NamedTuple):
    """A person's bindings at a partner changed. Acts that were received before `since` are not concerned.

    `account_keys`: more than one if the person had several accounts at the partner. Stored acts do not name theirs.
    """

    partner_id: str
    account_id: uuid.UUID
    since: datetime
    account_keys: tuple[str, ...]


async def handle_bindings(session: Session, items: Items[BindingChanged]) -> None:
    """Store the newest version of each binding, in any order of arrival. Consumer of `accounts.bindings.v1`.

    A late record about an erased person is dropped.
    """
    changes = newest(
        (change for _, change in items), key=lambda change: change.binding_id, version=lambda change: change.version
    )
    await driver(session)  # statements over many keys are planned each time
    erased = await erased_accounts.erased_among(session, {change.account_id for change in changes.values()})
    kept = [change for change in changes.values() if change.account_id not in erased]
    if not kept:
        return
    before = await repository.known_bindings(session, [change.binding_id for change in kept])
    await repository.upsert_bindings(session, kept)
    await _queue_late(session, kept, before)


async def _queue_late(
    session: Session, changes: Sequence[BindingChanged], before: dict[uuid.UUID, tuple[int, BindingRow]]
) -> None:
    """Queue what the new versions may decide otherwise. The only binding of a person that is new decides parked acts.

    Most changes are of that kind. They cost one query.
    """
    late: list[tuple[str, uuid.UUID, datetime]] = []
    for change in changes:
        version, known = before.get(change.binding_id, (0, None))
        if version >= change.version or change.status == "pending":
            continue
        state = BindingRow(change.account_id, change.counts_from, change.ended_at, change.consent_withdrawn_at)
        since = changed_since(known, state)
        if since is not None:
            late.append((change.partner_id, change.account_id, since))
    fresh = [(one[0], one[1]) for one in late]
    if not fresh:
        return
    changed = {(one.partner_id, one.account_id) for one in changes if one.binding_id in before}
    concerned = changed | await repository.pairs_with_others(session, sorted(fresh))
    queued = [one for one in late if (one[0], one[1]) in concerned]
    if queued:
        await repository.queue_changes(session, queued, settle_s=SETTLE_S)


async def late_changes(connection: Connection, limit: int) -> list[LateChange]:
    """Return changes whose acts have to be looked at again, locked."""
    rows = await repository.due_changes(connection, limit)
    keys = await repository.keys_of(connection, [(row[0], row[1]) for row in rows]) if rows else {}
    return [LateChange(row[0], row[1], row[2], tuple(keys.get((row[0], row[1]), ()))) for row in rows]


async def note_look(connection: Connection, changes: Sequence[LateChange]) -> None:
    """Note that all acts of these changes are as the bindings say. Each change is looked at twice."""
    pairs = [(one.partner_id, one.account_id) for one in changes]
    await repository.note_look(connection, pairs, again_s=LOOK_AGAIN_S)


async def bindings_of_keys(connection: Connection, keys: Iterable[tuple[str, str]]) -> Bindings:
    """Return the bindings of (partner, account key) pairs."""
    return await repository.bindings_of(connection, sorted(keys))


async def bindings_of(connection: Connection, reports: Iterable[ActivityReported]) -> Bindings:
    """Return the bindings of the people that these reports may be about."""
    return await repository.bindings_of(connection, sorted({(one.partner_id, one.account_key) for one in reports}))


async def account_keys_of(
    connection: Connection, pairs: Collection[tuple[str, uuid.UUID]]
) -> dict[tuple[str, uuid.UUID], str]:
    """Return the account key of outcomes for a partner about a person, by (partner, account)."""
    return await repository.account_keys_of(connection, sorted(pairs))
