"""Which mandate covers an act, by the time of the act. Pure, so that posting and its proofs use one rule."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias


class MandateRow(NamedTuple):
    """One mandate as accounts published it: it covers acts of `scenes` that begin in [accepted_at, until)."""

    mandate_id: uuid.UUID
    account_id: uuid.UUID
    platform_id: uuid.UUID
    kind: str
    scenes: frozenset[str]
    threshold_mg: int | None
    accepted_at: datetime
    until: datetime | None


# By account. Nobody without a mandate has an entry: posting pays one missing key for them.
Mandates: TypeAlias = Mapping[uuid.UUID, Sequence[MandateRow]]


def covering_mandate(mandates: Sequence[MandateRow], *, scene: str, started_at: datetime) -> MandateRow | None:
    """Return the mandate under which an act is pooled, or None.

    An act is pooled at most once. Of several mandates that cover it, the one accepted first holds; its id breaks a tie.
    The moment at which the act or the mandate became known does not matter.
    """
    covering = (
        one
        for one in mandates
        if scene in one.scenes and one.accepted_at <= started_at and (one.until is None or started_at < one.until)
    )
    return min(covering, key=lambda one: (one.accepted_at, one.mandate_id), default=None)
