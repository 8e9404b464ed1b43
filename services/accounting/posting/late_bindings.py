"""Acts that were decided before a change of their binding became known: decide them as the times say. Timed job.

Event and binding travel on two topics. Whichever is read first, an act ends as if all records had been known: it counts
if it began within a binding and was received while consent was given. A credit that this contradicts is taken back. A
refusal that this contradicts is judged again.
"""

from collections.abc import Sequence
from typing import Any, Final

from services.accounting.bindings import service as bindings_room
from services.accounting.bindings.domain import SETTLED_AFTER, Bindings, BindingState, bound_account
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
_PEOPLE_MAX: Final = 50
_REQUESTED_BY: Final = "accounting:bindings"


async def settle_late(session: Session, *, programme: Programme) -> int:
    """Decide acts again whose bindings changed. Return how many were taken back or credited.

    Credits are taken back first. The next run judges the refused acts: the room is free by then, and no run takes the
    locks of households twice.
    """
    connection = await driver(session)
    changes = await bindings_room.late_changes(connection, _PEOPLE_MAX)
    if not changes:
        return 0
    certain = [change for change in changes if change.account_key is not None]
    rows = await repository.decided_since(connection, certain, [*BINDING_REFUSALS.values()])
    keys = {(change.partner_id, change.account_id): str(change.account_key) for change in certain}
    bindings = await bindings_room.bindings_of_keys(connection, {(pair[0], key) for pair, key in keys.items()})
    wrong = [(row, state) for row in rows if (state := _other_state(row, keys, bindings)) is not None]
    contradicted = [(row, state) for row, state in wrong if state is not BindingState.BOUND]
    if contradicted:
        await _take_back(session, connection, contradicted, keys, programme)
        return len(contradicted)
    refused = [row for row, _ in wrong]
    await bindings_room.finish_changes(connection, changes)
    if not refused:
        return 0
    async with closing(session, programme) as closed:
        return await service.judge_again(session, refused, programme=programme, closing=closed)


def _other_state(row: Any, keys: dict[Any, str], bindings: Bindings) -> BindingState | None:
    """Return where the act lies by what is known now, if that contradicts its verdict.

    An act that now belongs to another person stays as it was decided: its row is in the account of the first one.
    """
    partner_id = row["partner_id"]
    found = bindings.get((partner_id, keys[partner_id, row["account_id"]]), ())
    # An act after the end of a binding waits no longer: what may be under way has settled.
    settled = clock.now() + SETTLED_AFTER
    account_id, state = bound_account(found, row["occurred_at"], row["received_at"], now=settled)
    if state is BindingState.NONE:  # the partner has not confirmed
        return None
    is_bound = state is BindingState.BOUND
    if is_bound and account_id != row["account_id"]:
        return None
    return state if is_bound == (row["status"] == "refused") else None


async def _take_back(
    session: Session,
    connection: Connection,
    contradicted: Sequence[tuple[Any, BindingState]],
    keys: dict[Any, str],
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
                account_key=keys[row["partner_id"], row["account_id"]],
                requested_by=_REQUESTED_BY,
                closing=closed,
            )
