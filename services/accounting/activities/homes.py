"""Acts and the households and meters they are counted for: read once per transaction, locked all at once.

Shared counters belong to people of different partitions. Whoever counts them has locked the people first, then all
households and meters of the transaction in order; so two workers can wait for each other only in line, and what was
read of the counters stays true until the commit. Read once: a stay that appears meanwhile must not add a household
that would be locked out of order.
"""

import uuid
from collections.abc import Iterable, Sequence

import asyncpg
import msgspec

from services.accounting.activities import posting_repository as repository
from services.accounting.activities.acts import Act, BindingState
from services.accounting.activities.domain import Judgement
from services.accounting.activities.subjects import home_of, shared_subjects
from services.accounting.households import service as households
from services.accounting.households.service import Homes
from services.accounting.methodologies.matching import MethodologyIndex


def _concerned(acts: Sequence[Act], index: MethodologyIndex) -> dict[int, Act]:
    """Those, by place, whose methodology counts or credits households or meters."""
    found = {}
    for place, act in enumerate(acts):
        if act.kind in index.shared_kinds and act.account_id is not None and act.binding is BindingState.BOUND:
            method = index.find(act)
            if method is not None and method.shared:
                found[place] = act
    return found


async def homes_of(
    connection: "asyncpg.Connection[asyncpg.Record]", acts: Sequence[Act], index: MethodologyIndex, time_zone: str
) -> Homes:
    """Who of these acts' people lived where. Nothing is read where no methodology asks."""
    concerned = _concerned(acts, index).values() if index.shared else ()
    if not concerned:
        return Homes(time_zone)
    return await households.homes_of(
        connection,
        account_ids={act.account_id for act in concerned if act.account_id is not None},
        meter_keys={act.meter_key for act in concerned if act.meter_key is not None},
        earliest=min(act.occurred_at for act in concerned),
        time_zone=time_zone,
    )


def at_home(acts: Sequence[Act], homes: Homes, index: MethodologyIndex) -> list[Act]:
    """The acts with the households that the judge must know of."""
    placed = list(acts)
    for place, act in _concerned(acts, index).items():
        assert act.account_id is not None  # what concerns a household is somebody's
        placed[place] = msgspec.structs.replace(
            act,
            stays=homes.stays_at(act.account_id, act.occurred_at),
            meter_account_id=homes.meter_account_at(act.meter_key, act.occurred_at),
        )
    return placed


def subjects_of(acts: Sequence[Act], index: MethodologyIndex) -> set[uuid.UUID]:
    """The households and meters that these acts, placed by `at_home`, may touch."""
    found: set[uuid.UUID] = set()
    for act in _concerned(acts, index).values():
        method = index.find(act)
        assert method is not None  # or it would not be concerned
        found |= shared_subjects(act, method)
    return found


def subjects_touched(judgement: Judgement) -> set[uuid.UUID]:
    """The households and meters that a stored judgement has touched, and giving back will touch again."""
    found = {cap.subject_id for cap in judgement.caps} | {judgement.holder_id}
    return {subject_id for subject_id in found if subject_id not in {None, judgement.account_id}}


async def lock(connection: "asyncpg.Connection[asyncpg.Record]", subject_ids: Iterable[uuid.UUID]) -> None:
    """After the people, once for all that the transaction counts."""
    await households.lock_subjects(connection, subject_ids)


async def open_accounts(
    connection: "asyncpg.Connection[asyncpg.Record]", acts: Sequence[Act], index: MethodologyIndex
) -> None:
    """Makes the missing accounts of households that may be credited; they are locked."""
    homes = {home_of(act) for act in _concerned(acts, index).values() if _credits_household(act, index)} - {None}
    if homes:
        await repository.make_households(connection, sorted(home for home in homes if home is not None))


def _credits_household(act: Act, index: MethodologyIndex) -> bool:
    method = index.find(act)
    return method is not None and method.document.subject == "household"
