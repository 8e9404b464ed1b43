"""Bindings between citizens and partners, and the binding of an act by its time. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class BindingState(StrEnum):
    """Where the time of an act lies relative to the bindings of its person. Resolved before judging."""

    BOUND = "bound"
    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    CONSENT_WITHDRAWN = "consent_withdrawn"


class BindingRow(NamedTuple):
    """One binding as accounts published it. Times are aware."""

    account_id: uuid.UUID
    counts_from: datetime
    ended_at: datetime | None
    consent_withdrawn_at: datetime | None


# By (partner, account key), in the order in which they begin.
Bindings: TypeAlias = Mapping[tuple[str, str], Sequence[BindingRow]]


def bound_account(
    bindings: Sequence[BindingRow], started_at: datetime, received_at: datetime
) -> tuple[uuid.UUID | None, BindingState]:
    """Return the account of the binding in whose interval an act began, and the position of the act.

    A withdrawn consent stops all acts that arrive later. A binding that ends exactly at the withdrawal has a successor:
    consent was given again. Then acts from before the withdrawal count, however late they arrive.
    """
    for binding in bindings:
        if binding.counts_from <= started_at and (binding.ended_at is None or started_at < binding.ended_at):
            withdrawn = binding.consent_withdrawn_at
            given_again = withdrawn is not None and binding.ended_at == withdrawn
            if withdrawn is not None and received_at >= withdrawn and not given_again:
                return binding.account_id, BindingState.CONSENT_WITHDRAWN
            return binding.account_id, BindingState.BOUND
    if not bindings:
        return None, BindingState.NONE
    nearest = bindings[-1]
    state = BindingState.BEFORE if started_at < bindings[0].counts_from else BindingState.AFTER
    return nearest.account_id, state


def people_of(bindings: Bindings) -> set[uuid.UUID]:
    """Return the accounts that these bindings name."""
    return {binding.account_id for found in bindings.values() for binding in found}
