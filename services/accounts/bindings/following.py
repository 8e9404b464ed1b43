"""Bindings follow the consents of their person: acts stop counting at the end of one and resume with a new one."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from services.accounts.authorizations import service as authorizations
from services.accounts.bindings import repository
from services.accounts.bindings.domain import EndReason
from services.accounts.bindings.models import Binding
from services.accounts.bindings.publishing import publish_bindings
from services.accounts.consents import service as consents
from services.accounts.consents.domain import binding_end
from services.accounts.settings import Settings
from shared import clock
from shared.db import Session

# More than a person can have: see LIVE_BINDINGS_MAX of the use cases.
_BINDINGS_MAX = 100


async def follow_consents(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Give each live binding the end that the consents of its person set. The caller holds the user's lock.

    An end in the past is final: the binding ends there, and a successor counts from now. So acts from before the
    withdrawal still count when they arrive late, and acts during it never count. An end in the future moves or goes
    when the consent is renewed. Repeating the call changes nothing.
    """
    ends = await consents.ends_of(session, user_id=user_id)
    now = clock.now()
    changed: list[Binding] = []
    resumed: list[tuple[Binding, datetime | None]] = []
    for row in await repository.lock_live_of_user(session, user_id=user_id, at_most=_BINDINGS_MAX):
        end, known = binding_end(ends, row.partner_id), row.consent_withdrawn_at
        is_stopped = known is not None and known <= now
        if is_stopped and (end is None or end > now):
            if row.status == "pending":  # nothing counted yet, and the partner still has to confirm
                row.consent_withdrawn_at, row.counts_from = end, now
            else:
                row.status, row.ended_at, row.ended_reason = "ended", known, EndReason.CONSENT_GIVEN_AGAIN
                resumed.append((row, end))
        elif is_stopped or end == known:
            continue
        else:
            row.consent_withdrawn_at = end
        row.version += 1
        row.changed_at = now
        changed.append(row)
    await repository.flush_changes(session)
    changed += await _succeed(session, resumed, now)
    await publish_bindings(session, settings=settings, changed=changed)


async def _succeed(
    session: Session, resumed: Sequence[tuple[Binding, datetime | None]], now: datetime
) -> list[Binding]:
    """Insert the successors of bindings that have just ended. The unique indexes are free for them by now."""
    successors = []
    for row, end in resumed:
        successor = await repository.succeed(session, row, consent_ends_at=end, at=now)
        if successor is not None:
            successors.append(successor)
            await authorizations.move_grants(session, former=row.binding_id, successor=successor.binding_id)
    return successors
