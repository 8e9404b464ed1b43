"""The binding that an act falls under, by its time. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class BindingState(StrEnum):
    """The position of an act's time to the binding between citizen and partner, resolved before judging."""

    BOUND = "bound"
    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    CONSENT_WITHDRAWN = "consent_withdrawn"


class BindingRow(NamedTuple):
    """One binding as accounts published it; times are aware."""

    account_id: uuid.UUID
    counts_from: datetime
    ended_at: datetime | None
    consent_withdrawn_at: datetime | None


# By (partner, account key), in the order of their beginnings.
Bindings: TypeAlias = Mapping[tuple[str, str], Sequence[BindingRow]]


def bound_account(
    bindings: Sequence[BindingRow], started_at: datetime, received_at: datetime
) -> tuple[uuid.UUID | None, BindingState]:
    """The account an act belongs to: that of the binding in whose interval it began.

    A withdrawn consent stops everything that arrives afterwards. A binding that ends exactly at the withdrawal has a
    successor: consent was given again, so acts from before the withdrawal count, however late they arrive.
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
    """The accounts of everybody these bindings name."""
    return {binding.account_id for found in bindings.values() for binding in found}
