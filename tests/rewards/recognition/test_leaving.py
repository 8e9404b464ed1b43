"""Erasure and export of what recognition keeps about a person."""

import uuid

import msgspec

from services.rewards.database import SCHEMA
from services.rewards.personal_data import TABLES
from services.rewards.recognition import service as recognition
from services.rewards.refreshing import service as refreshing
from shared import clock
from shared.contracts.erasures_v1 import ErasureAsked
from shared.contracts.identity import person_account_id
from shared.eventlog import StoredRecord
from shared.personal_data import Erasure
from shared.personal_rows import PersonalRows, PersonIds
from tests.rewards import test_erasures
from tests.rewards.conftest import Rewards
from tests.rewards.recognition.acts import (
    RIDE_MG,
    ZONE,
    account_of,
    board,
    consent,
    consume,
    consume_donations,
    earn,
    give_consents,
    join,
    judged,
    live_in,
    my_rank,
    places,
    refresh,
    reversal,
)

OURS = {
    "badge", "earned_day", "earned_scene", "earned_total", "group_member", "ranking_consent", "ranking_participant",
    "recognised_act", "recognised_donation", "recognition_due", "standing",
}  # fmt: skip


async def ask(rewards: Rewards, user_id: uuid.UUID) -> None:
    asked = ErasureAsked(
        erasure_id=uuid.uuid4(), account_id=person_account_id(user_id), user_id=user_id, asked_at=clock.now()
    )
    record = StoredRecord("t", 0, 0, b"k", msgspec.json.encode(asked), (), clock.now())
    async with rewards.database.transaction() as session:
        await refreshing.handle_erasures(session, [(record, asked)], topic=test_erasures.TOPIC)


async def known(rewards: Rewards) -> tuple[uuid.UUID, uuid.UUID]:
    """Two citizens with everything that recognition keeps; the places of the first are ahead."""
    await rewards.add_campaign()
    anna, ben = rewards.citizen(50_000_000), rewards.citizen(50_000_000)
    await live_in(rewards, uuid.uuid4(), anna, ben)
    for person in (anna, ben):
        await join(rewards, person, district="420106")
        await rewards.donate(person, 3_000_000)
    await consume_donations(rewards)
    await earn(rewards, [judged(account_of(one)) for one in (anna, anna, ben)])
    return anna, ben


async def rows_of(rewards: Rewards, user_id: uuid.UUID) -> set[str]:
    ids = PersonIds(user_id=user_id, account_id=account_of(user_id))
    async with rewards.database.transaction() as session:
        found, after = await PersonalRows(SCHEMA, TABLES).page(session, ids, after=None, limit=500)
    assert after is None
    return {name for name, _ in found}


async def test_an_export_has_everything_that_is_kept(rewards: Rewards) -> None:
    anna, _ = await known(rewards)
    assert OURS - {"recognition_due"} <= await rows_of(rewards, anna)
    assert all(TABLES[name].erasure in {Erasure.DELETE, Erasure.EXPIRE} for name in OURS)


async def test_who_is_erased_leaves_boards_at_once_and_no_rows(rewards: Rewards) -> None:
    anna, ben = await known(rewards)
    await ask(rewards, anna)
    await refresh(rewards)
    assert await my_rank(rewards, ben) == (1, RIDE_MG, 1)
    assert await board(rewards, ben, scope="household") == [(1, RIDE_MG, True)]
    await test_erasures.run(rewards)
    await refresh(rewards)
    assert not await rows_of(rewards, anna) & OURS
    assert OURS - {"recognition_due"} <= await rows_of(rewards, ben)
    await places(rewards)


async def test_late_facts_about_an_erased_person_are_dropped(rewards: Rewards) -> None:
    anna, _ = await known(rewards)
    account_id = account_of(anna)
    late = judged(account_id)
    await ask(rewards, anna)
    await test_erasures.run(rewards)
    await refresh(rewards)
    await consume(rewards, [late, judged(account_id)])
    await consume(rewards, [reversal(late)])
    await give_consents(rewards, consent(anna, version=9))
    await live_in(rewards, uuid.uuid4(), anna)
    await consume_donations(rewards)
    await refresh(rewards)
    assert not await rows_of(rewards, anna) & OURS


async def test_a_verdict_under_way_during_the_erasure_is_removed_by_the_next_refresh(rewards: Rewards) -> None:
    """Its transaction asked for erased people before the question of accounts came, and commits afterwards."""
    anna = rewards.citizen()
    async with rewards.database.transaction() as session:
        await recognition.record_verdicts(session, [judged(account_of(anna))], time_zone=ZONE)
        await ask(rewards, anna)
        await test_erasures.run(rewards)
    await refresh(rewards)
    assert not await rows_of(rewards, anna) & OURS
