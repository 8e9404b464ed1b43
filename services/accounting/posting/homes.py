"""Households and meters that acts are counted for: read once per transaction, locked all at once.

Shared counters belong to people of different partitions. A transaction locks its people first, then all its households
and meters in one order, so two transactions can wait for each other only in line, and counters that were read stay true
until the commit. Stays are read once: one that appears meanwhile must not add a household that would be locked out of
order.
"""

import uuid
from collections.abc import Collection, Sequence

import msgspec

from services.accounting.bindings.domain import BindingState
from services.accounting.households import service as households
from services.accounting.judging.acts import Act
from services.accounting.judging.domain import Judgement
from services.accounting.judging.subjects import shared_subjects
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.posting.candidates import MatchedAct
from shared.db import Connection, Session, driver


async def acts_with_homes(session: Session, acts: Sequence[Act], *, rule: Compiled, time_zone: str) -> list[Act]:
    """Past acts with the households and meters that one rule must know of."""
    index = MethodologyIndex([rule])
    match_acts = [MatchedAct(act, index.find(act)) for act in acts]
    await assign_homes(await driver(session), match_acts, time_zone)
    return [one.act for one in match_acts]


async def assign_and_lock_homes(
    connection: Connection, candidates: Sequence[MatchedAct], time_zone: str, touched: Collection[uuid.UUID] = ()
) -> None:
    """Gives the acts their households and meters, then locks all of these and the `touched` ones.

    The people are locked. Call it once per transaction, with every candidate it will judge: a second lock could come
    out of order. `touched`: households and meters that earlier judgements of the transaction name.
    """
    placed = await assign_homes(connection, candidates, time_zone)
    subjects = set(touched)
    for candidate in placed:
        assert candidate.method is not None  # or it would not be placed
        subjects |= shared_subjects(candidate.act, candidate.method)
    await households.lock_subjects(connection, subjects)


async def assign_homes(connection: Connection, candidates: Sequence[MatchedAct], time_zone: str) -> list[MatchedAct]:
    """Gives acts their households and meters where their methodology counts or credits these; returns the placed ones.

    Reads nothing where no methodology asks.
    """
    concerned = [one for one in candidates if one.method is not None and one.method.shared and _is_bound(one)]
    if not concerned:
        return []
    acts = [candidate.act for candidate in concerned]
    homes = await households.load_homes(
        connection,
        account_ids={act.account_id for act in acts if act.account_id is not None},
        meter_keys={act.meter_key for act in acts if act.meter_key is not None},
        earliest=min(act.occurred_at for act in acts),
        time_zone=time_zone,
    )
    for candidate, act in zip(concerned, acts, strict=True):
        assert act.account_id is not None  # the act of a bound person
        candidate.act = msgspec.structs.replace(
            act,
            stays=homes.stays_at(act.account_id, act.occurred_at),
            meter_account_id=homes.meter_account_at(act.meter_key, act.occurred_at),
        )
    return concerned


def _is_bound(candidate: MatchedAct) -> bool:
    return candidate.act.account_id is not None and candidate.act.binding is BindingState.BOUND


def shared_subjects_of(judgement: Judgement) -> set[uuid.UUID]:
    """The households and meters that a stored judgement has touched, and that giving back will touch again."""
    found = {cap.subject_id for cap in judgement.caps} | {judgement.holder_id}
    return {subject_id for subject_id in found if subject_id is not None and subject_id != judgement.account_id}
