"""Mandates for pooling: acts between acceptance and end, by the time of the act, whichever is known first."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.decoders import MANDATES
from services.accounting.mandates import service
from services.accounting.mandates.domain import MandateRow, covering_mandate
from shared.contracts.mandates_v1 import MandateChanged
from shared.db import driver
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.reports import as_records

T0 = datetime(2026, 11, 1, 8, tzinfo=UTC)
SHA = "0" * 64
SECONDS = st.integers(-40, 40)


def row(accepted_s: int, until_s: int | None, number: int = 0, *scenes: str) -> MandateRow:
    until = None if until_s is None else T0 + timedelta(seconds=until_s)
    mandate_id = uuid.UUID(int=number)
    accepted_at = T0 + timedelta(seconds=accepted_s)
    return MandateRow(
        mandate_id, mandate_id, mandate_id, "benefit", frozenset(scenes or ("bus",)), None, accepted_at, until
    )


def test_an_act_is_pooled_from_the_acceptance_until_just_before_the_end() -> None:
    mandate = row(0, 60)
    pooled = [s for s in (-1, 0, 1, 59, 60, 61) if covering_mandate([mandate], scene="bus", started_at=_at(s))]
    assert pooled == [0, 1, 59]
    assert covering_mandate([mandate], scene="metro", started_at=_at(1)) is None
    assert covering_mandate([], scene="bus", started_at=_at(1)) is None
    assert covering_mandate([row(0, None)], scene="bus", started_at=_at(10**8)) is not None
    assert covering_mandate([row(0, 0)], scene="bus", started_at=_at(0)) is None  # ended in the same moment


@given(st.lists(st.tuples(SECONDS, st.integers(0, 40), st.sampled_from(["bus", "metro"])), max_size=6), SECONDS)
def test_one_mandate_at_most_covers_an_act_in_whatever_order_they_are_known(
    found: list[tuple[int, int, str]], at_s: int
) -> None:
    rows = [row(begin, begin + life, number, scene) for number, (begin, life, scene) in enumerate(found)]
    answer = covering_mandate(rows, scene="bus", started_at=_at(at_s))
    shuffled = random.Random(at_s).sample(rows, len(rows))
    assert covering_mandate(shuffled, scene="bus", started_at=_at(at_s)) == answer
    covering = [r for r in rows if "bus" in r.scenes and r.accepted_at <= _at(at_s) and r.until and _at(at_s) < r.until]
    assert (answer is None) == (not covering)
    assert answer is None or answer.accepted_at == min(one.accepted_at for one in covering)


def _at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fact(
    account_id: uuid.UUID, mandate_id: uuid.UUID, version: int, accepted_at: datetime, until: datetime | None
) -> MandateChanged:
    return MandateChanged(
        mandate_id=mandate_id,
        version=version,
        account_id=account_id,
        platform_id=uuid.UUID(int=7),
        kind="benefit",
        scenes=("bus", "metro"),
        terms_version="2026-11",
        terms_sha256=SHA,
        accepted_at=accepted_at,
        until=until,
        changed_at=accepted_at,
    )


async def handle(accounting: Accounting, *facts: MandateChanged | bytes) -> int:
    found = decoded(as_records(facts), MANDATES, compacted=True)
    if found.items:
        async with accounting.database.transaction() as session:
            await service.handle_mandates(session, found.items)
    return len(found.dead)


async def covers(accounting: Accounting, account_id: uuid.UUID, at: datetime) -> bool:
    async with accounting.database.transaction() as session:
        mandates = await service.mandates_of(
            await driver(session), [account_id, uuid.uuid4()], earliest=at - timedelta(days=1)
        )
    assert mandates.keys() <= {account_id}
    return covering_mandate(mandates.get(account_id, ()), scene="bus", started_at=at) is not None


async def test_an_act_that_races_its_mandate_by_ten_seconds_ends_the_same_in_both_orders(
    accounting: Accounting,
) -> None:
    """The act lies up to ten seconds beside the acceptance or the end. Facts arrive in any order, the act anywhere."""
    rng = random.Random(20261127)
    seen = set()
    for _ in range(200):
        account_id, mandate_id = uuid.uuid4(), uuid.uuid4()
        accepted_at = T0 + timedelta(seconds=rng.randrange(10**6))
        until = accepted_at + timedelta(seconds=rng.randrange(1, 30))
        edge = rng.choice([accepted_at, until])
        act_at = edge + timedelta(seconds=rng.randint(-10, 10))
        right = accepted_at <= act_at < until
        story: list[MandateChanged] = [
            fact(account_id, mandate_id, 1, accepted_at, None),
            fact(account_id, mandate_id, 2, accepted_at, until),
        ]
        if rng.random() < 0.5:
            story.reverse()
        early = rng.random() < 0.5
        if early:  # the act is asked about before anything is known, and again when everything is
            assert not await covers(accounting, account_id, act_at)
        for one in story:
            await handle(accounting, one)
        assert await covers(accounting, account_id, act_at) == right
        seen.add((right, early, story[0].version))
    assert len(seen) == 8


async def test_a_mandate_that_ended_before_is_not_read(accounting: Accounting) -> None:
    account_id = uuid.uuid4()
    await handle(accounting, fact(account_id, uuid.uuid4(), 1, T0, T0 + timedelta(hours=1)))
    async with accounting.database.transaction() as session:
        late = await service.mandates_of(await driver(session), [account_id], earliest=T0 + timedelta(days=2))
    assert late == {}


async def test_records_that_lie_become_dead_letters(accounting: Accounting) -> None:
    good = msgspec.json.decode(msgspec.json.encode(fact(uuid.uuid4(), uuid.uuid4(), 1, T0, T0 + timedelta(hours=1))))
    lies = [
        {**good, "until": "2026-10-01T00:00:00Z"},
        {**good, "scenes": []},
        {**good, "kind": "gift"},
        {**good, "threshold_mg": -1},
        {**good, "terms_sha256": "zz"},
        {**good, "accepted_at": "2026-11-01T00:00:00"},
    ]
    assert await handle(accounting, *(msgspec.json.encode(one) for one in lies)) == len(lies)
