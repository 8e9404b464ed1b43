"""Bindings between citizens and partners, and the binding of an act by its time. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from shared.contracts.bounds import LATEST


class BindingState(StrEnum):
    """Where the time of an act lies relative to the bindings of its person. Resolved before judging."""

    BOUND = "bound"
    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    CONSENT_WITHDRAWN = "consent_withdrawn"


# The topics of events and of bindings are read by different consumers, some seconds apart at most. For this long an
# act after the end of a binding waits for a successor, and an ended binding is looked at again.
SETTLED_AFTER = timedelta(seconds=30)


class BindingRow(NamedTuple):
    """One binding as accounts published it. Times are aware. A pending one waits for its partner."""

    account_id: uuid.UUID
    counts_from: datetime
    ended_at: datetime | None
    consent_withdrawn_at: datetime | None
    is_pending: bool = False


# By (partner, account key), in the order in which they begin.
Bindings: TypeAlias = Mapping[tuple[str, str], Sequence[BindingRow]]


def bound_account(
    bindings: Sequence[BindingRow], started_at: datetime, received_at: datetime, *, now: datetime
) -> tuple[uuid.UUID | None, BindingState]:
    """Return the account of the binding in whose interval an act began, and the position of the act.

    NONE lets the act wait: for the partner's confirmation, or for a successor whose record may be under way. Of two
    bindings that contain an act the later one holds: the end of the earlier one is under way.

    A withdrawn consent stops all acts that arrive later, until consent is given again: the binding then ends exactly at
    the withdrawal and has a successor. Acts from before the withdrawal that arrive after the successor began count.
    So the end depends on these times only, not on the order in which event and binding became known.
    """
    for binding in reversed(bindings):
        if binding.counts_from <= started_at and (binding.ended_at is None or started_at < binding.ended_at):
            if binding.is_pending:
                return None, BindingState.NONE
            withdrawn = binding.consent_withdrawn_at
            if withdrawn is not None and received_at >= withdrawn and received_at < _given_again(bindings, binding):
                return binding.account_id, BindingState.CONSENT_WITHDRAWN
            return binding.account_id, BindingState.BOUND
    known = [binding for binding in bindings if not binding.is_pending]
    if not known:
        return None, BindingState.NONE
    if started_at < known[0].counts_from:
        return known[-1].account_id, BindingState.BEFORE
    if received_at > now - SETTLED_AFTER:
        return None, BindingState.NONE
    return known[-1].account_id, BindingState.AFTER


def _given_again(bindings: Sequence[BindingRow], stopped: BindingRow) -> datetime:
    """Return when the person of a stopped binding gave consent again, or a time after every act.

    While the successor is unknown, that is the end of the stopped binding.
    """
    if stopped.ended_at is None or stopped.ended_at != stopped.consent_withdrawn_at:
        return LATEST
    again = (
        one.counts_from
        for one in bindings
        if one.account_id == stopped.account_id and one.counts_from >= stopped.ended_at and one is not stopped
    )
    return min(again, default=stopped.ended_at)


def changed_since(before: BindingRow | None, after: BindingRow) -> datetime | None:
    """Return from when acts may be decided otherwise by a new version of a binding. None: no act is concerned."""
    if before is None or before.is_pending:
        return after.counts_from
    moments: set[datetime | None] = set()
    if before.ended_at != after.ended_at:
        moments |= {before.ended_at, after.ended_at}
    if before.consent_withdrawn_at != after.consent_withdrawn_at:
        moments |= {before.consent_withdrawn_at, after.consent_withdrawn_at}
    if before.counts_from != after.counts_from:
        moments |= {before.counts_from, after.counts_from}
    return min((moment for moment in moments if moment is not None), default=None)


def people_of(bindings: Bindings) -> set[uuid.UUID]:
    """Return the accounts that these bindings name."""
    return {binding.account_id for found in bindings.values() for binding in found}
