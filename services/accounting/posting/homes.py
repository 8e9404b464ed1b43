"""Homes of acts: the households and meters that count them, read and locked once per transaction.

People of different partitions share these counters, and vehicles. A transaction locks its people first, then all its
households, meters and vehicles in the order of their ids. So transactions cannot deadlock, and nothing that was read
changes before the commit. Stays are read once: a stay that appears later would add a household that is locked out of
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
    """Return past acts with the households and meters that one rule needs."""
    index = MethodologyIndex([rule])
    match_acts = [MatchedAct(act, index.find(act)) for act in acts]
    await assign_homes(await driver(session), match_acts, time_zone)
    return [one.act for one in match_acts]


async def assign_and_lock_homes(
    connection: Connection, candidates: Sequence[MatchedAct], time_zone: str, touched: Collection[uuid.UUID] = ()
) -> None:
    """Set the households and meters of the acts, then lock all of these, the vehicles and the `touched` ones.

    The caller holds the locks of the people. Call it once per transaction with every candidate that will be judged: a
    second call could lock out of order. `touched` are households and meters of judgements that will be taken back.
    """
    await assign_homes(connection, candidates, time_zone)
    subjects = set(touched)
    for candidate in candidates:
        act, method = candidate.act, candidate.method
        if method is None or not (method.shared or act.use_key) or not _is_bound(candidate):
            continue
        subjects |= shared_subjects(act, method)
    await households.lock_subjects(connection, subjects)


async def assign_homes(connection: Connection, candidates: Sequence[MatchedAct], time_zone: str) -> None:
    """Set the households and meters of acts whose methodology counts or credits these.

    Reads nothing if no methodology needs homes.
    """
    concerned = [one for one in candidates if one.method is not None and one.method.shared and _is_bound(one)]
    if not concerned:
        return
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


def _is_bound(candidate: MatchedAct) -> bool:
    return candidate.act.account_id is not None and candidate.act.binding is BindingState.BOUND


def shared_subjects_of(judgement: Judgement) -> set[uuid.UUID]:
    """Return the households and meters that a stored judgement changed. Taking it back changes them again."""
    found = {cap.subject_id for cap in judgement.caps} | {judgement.holder_id}
    return {subject_id for subject_id in found if subject_id is not None and subject_id != judgement.account_id}
