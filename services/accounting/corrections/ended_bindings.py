"""Takes back acts that were credited before the end of their binding, or of its consent, was known.

Events and bindings come by different topics. Whichever comes first, the end is the same: an act after the end of its
binding earns nothing. Timed job.
"""

from services.accounting.bindings import service as bindings_room
from services.accounting.corrections import repository
from services.accounting.households import service as households
from services.accounting.judging import reasons
from services.accounting.judging.stored import from_row
from services.accounting.ledger import service as ledger
from services.accounting.posting import history, status_changes
from services.accounting.posting.closing import Programme, closing
from services.accounting.posting.homes import shared_subjects_of
from shared.db import Session, driver

_BINDINGS_MAX = 200
_ACTS_MAX = 500
_HAS_GRAMS = frozenset({"credited", "pending"})


async def take_back_outside(session: Session, *, programme: Programme) -> int:
    """Reverse the acts outside bindings that are due for a look. Return their number."""
    due = await bindings_room.due_rechecks(session, at_most=_BINDINGS_MAX)
    if not due:
        return 0
    found = await repository.outside_of(session, due, _ACTS_MAX)
    if len(found) < _ACTS_MAX:
        await bindings_room.note_look(session, due)
    if not found:
        return 0
    connection = await driver(session)
    await ledger.lock_people(connection, {row.account_id for row in found})
    originals = await history.get_activities(session, [row.activity_id for row in found])
    touched = {subject for row in originals.values() for subject in shared_subjects_of(from_row(row))}
    await households.lock_subjects(connection, touched)
    async with closing(session, programme) as closed:
        for row in found:
            original = await status_changes.locked_activity(session, row.activity_id)
            if original is None or original["status"] not in _HAS_GRAMS:
                continue  # taken back meanwhile, by its partner or by operators
            await status_changes.take_back(
                session,
                original,
                reasons.AFTER_BINDING if row.is_after else reasons.CONSENT_WITHDRAWN,
                account_key=row.account_key,
                requested_by="accounting:binding_ended",
                closing=closed,
            )
    return len(found)
