"""Acts that were decided before a change of their binding became known: decide them as the times say. Timed job.

Event and binding travel on two topics. Whichever is read first, an act ends as if all records had been known: it counts
if it began within a binding and was received while consent was given. A credit that this contradicts is taken back. A
refusal that this contradicts is judged again.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from services.accounting.bindings import service as bindings_room
from services.accounting.bindings.domain import SETTLED_AFTER, Bindings, BindingState, bound_account
from services.accounting.bindings.service import LateChange
from services.accounting.households import service as households
from services.accounting.judging import reasons
from services.accounting.judging.domain import BINDING_REFUSALS
from services.accounting.judging.stored import from_row
from services.accounting.ledger import service as ledger
from services.accounting.posting import late_repository as repository
from services.accounting.posting import service, status_changes
from services.accounting.posting.closing import Programme, closing
from services.accounting.posting.homes import shared_subjects_of
from shared import clock
from shared.db import Connection, Session, driver

# A run holds the locks of these people for some ten milliseconds.
_PEOPLE_MAX: Final = 200
_ACTS_MAX: Final = 500
_REQUESTED_BY: Final = "accounting:bindings"

# Account keys by (partner, account).
Keys: TypeAlias = Mapping[tuple[str, uuid.UUID], Sequence[str]]


async def settle_late(session: Session, *, programme: Programme) -> int:
    """Decide acts again whose bindings changed. Return how many were taken back or credited.

    Credits are taken back first. The next run judges the refused acts: the room is free by then, and no run takes the
    locks of households twice.
    """
    connection = await driver(session)
    changes = await bindings_room.late_changes(connection, _PEOPLE_MAX)
    if not changes:
        return 0
    changes, rows = await _decided_acts(connection, changes)
    keys = {(change.partner_id, change.account_id): change.account_keys for change in changes}
    every_key = {(pair[0], key) for pair, found in keys.items() for key in found}
    bindings = await bindings_room.bindings_of_keys(connection, every_key)
    wrong = [(row, state) for row in rows if (state := _other_state(row, keys, bindings)) is not None]
    contradicted = [(row, state) for row, state in wrong if state is not BindingState.BOUND]
    if contradicted:
        await _take_back(session, connection, contradicted, keys, programme)
        return len(contradicted)
    refused = [row for row, _ in wrong]
    await bindings_room.note_look(connection, changes)
    if not refused:
        return 0
    async with closing(session, programme) as closed:
        return await service.judge_again(session, refused, programme=programme, closing=closed)


async def _decided_acts(connection: Connection, changes: list[LateChange]) -> tuple[list[LateChange], list[Any]]:
    """Return as many of the changes as have _ACTS_MAX acts together, one at least, and their acts in order."""
    found: list[Any] = []
    for number, change in enumerate(changes, start=1):
        found += await repository.decided_since(connection, change, [*BINDING_REFUSALS.values()])
        if len(found) >= _ACTS_MAX:
            changes = changes[:number]
            break
    return changes, sorted(found, key=lambda row: (row["occurred_at"], row["activity_id"]))


def _other_state(row: Any, keys: Keys, bindings: Bindings) -> BindingState | None:
    """Return where the act lies by what is known now, if that contradicts its verdict.

    An act that now belongs to another person stays as it was decided: its row is in the account of the first one. So
    does a refused act of a person who had several accounts at the partner: it may be about any of them. A credit is
    wrong if the act counts through none of them.
    """
    partner_id = row["partner_id"]
    # An act after the end of a binding waits no longer: what may be under way has settled.
    settled = clock.now() + SETTLED_AFTER
    ends = [
        bound_account(bindings.get((partner_id, key), ()), row["occurred_at"], row["received_at"], now=settled)
        for key in keys[partner_id, row["account_id"]]
    ]
    states = {state for _, state in ends}
    if not states or BindingState.NONE in states:  # the partner has not confirmed
        return None
    if row["status"] != "refused":
        return None if BindingState.BOUND in states else min(states)
    return BindingState.BOUND if ends == [(row["account_id"], BindingState.BOUND)] else None


async def _take_back(
    session: Session,
    connection: Connection,
    contradicted: Sequence[tuple[Any, BindingState]],
    keys: Keys,
    programme: Programme,
) -> None:
    rows = [row for row, _ in contradicted]
    people = {row["account_id"] for row in rows}
    await ledger.lock_people(connection, people)
    subjects = {subject for row in rows for subject in shared_subjects_of(from_row(row))}
    await households.lock_subjects(connection, subjects)
    async with closing(session, programme) as closed:
        for row, state in contradicted:
            await status_changes.take_back(
                session,
                row,
                BINDING_REFUSALS.get(state, reasons.AFTER_BINDING),
                account_key=keys[row["partner_id"], row["account_id"]][0],
                requested_by=_REQUESTED_BY,
                closing=closed,
            )
