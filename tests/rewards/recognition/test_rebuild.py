"""A rebuild beside the live rows: the same result, from the log, while verdicts arrive, after an interruption."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.rewards.participants import service as participants
from services.rewards.recognition import rebuilding
from services.rewards.recognition import service as recognition
from services.rewards.refreshing import rebuilding as all_steps
from services.rewards.refreshing import service as refreshing_service
from services.rewards.refreshing.rebuilding import Rebuild, Report
from shared.contracts import topics
from shared.eventlog import EventLog, Record, open_event_log
from tests.rewards.conftest import Rewards
from tests.rewards.recognition.acts import (
    ZONE,
    account_of,
    consume,
    consume_donations,
    earn,
    join,
    judged,
    live_in,
    places,
    refresh,
    sums,
    today,
)
from tests.rewards.recognition.test_projection import story

TOPIC = topics.OUTCOMES


@pytest.fixture
async def log(rewards: Rewards) -> AsyncIterator[EventLog]:
    log = open_event_log(rewards.settings.event_log_url, client_id="test")
    await log.start()
    await log.ensure_topic(TOPIC, partitions=topics.PARTITIONS[TOPIC])
    yield log
    await log.stop()


async def a_city(rewards: Rewards, count: int = 12) -> list[uuid.UUID]:
    """Citizens in two districts, a household, a donation."""
    await rewards.add_campaign()
    people = [rewards.citizen(50_000_000) for _ in range(count)]
    for number, person in enumerate(people[:-2]):
        await join(rewards, person, district=["420106", "420107", None][number % 3])
    await live_in(rewards, uuid.uuid4(), *people[:3])
    assert (await rewards.donate(people[0], 2_000_000)).status_code == 201
    await consume_donations(rewards)
    return people


def rebuild_of(rewards: Rewards, log: EventLog | None = None, tell: Any = None) -> Rebuild:
    return Rebuild(rewards.database, log, TOPIC, ZONE, tell or (lambda _stage, _report: None))


async def state_of(rewards: Rewards) -> tuple[Any, ...]:
    return await sums(rewards), await places(rewards), await badges_now(rewards)


async def badges_now(rewards: Rewards) -> list[tuple[Any, ...]]:
    rows = await rewards.sql(
        "SELECT account_id, badge_id, number, withdrawn_at IS NULL FROM rewards.badge ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in rows]


async def test_a_rebuild_gives_the_live_rows(rewards: Rewards) -> None:
    people = await a_city(rewards)
    verdicts = story(random.Random(1), [account_of(one) for one in people], 200)
    await earn(rewards, verdicts)
    before = await state_of(rewards)
    report = await rebuild_of(rewards).run()
    assert report.differences == 0
    assert (report.people, report.groups) == (10, 1)
    await refresh(rewards)
    assert await state_of(rewards) == before
    # Nothing is left of the former generation, and the new one goes on.
    assert await rewards.sql("SELECT 1 FROM rewards.earned_total WHERE generation = 0") == []
    assert await rewards.sql("SELECT 1 FROM rewards.board WHERE NOT is_live") == []
    await earn(rewards, [judged(account_of(people[0]))])
    assert await places(rewards) != before[1]


async def test_a_rebuild_heals_sums_and_places_that_were_wrong(rewards: Rewards) -> None:
    people = await a_city(rewards)
    await earn(rewards, story(random.Random(2), [account_of(one) for one in people], 100))
    before = await state_of(rewards)
    await rewards.sql(
        "UPDATE rewards.earned_day SET amount_mg = amount_mg + 7 WHERE account_id = $1", account_of(people[0])
    )
    await rewards.sql("DELETE FROM rewards.earned_total WHERE account_id = $1", account_of(people[1]))
    await rewards.sql("UPDATE rewards.standing SET score_mg = score_mg + 1")
    await rewards.sql("DELETE FROM rewards.board_class WHERE node < 64")
    await rewards.sql("DELETE FROM rewards.recognised_donation")
    report = await rebuild_of(rewards).run()
    assert report.differences > 0
    await refresh(rewards)
    assert await state_of(rewards) == before


async def publish(log: EventLog, verdicts: Sequence[Any]) -> None:
    records = [Record(key=f"metro:{one.activity_id}".encode(), value=msgspec.json.encode(one)) for one in verdicts]
    await log.publish(TOPIC, records, timeout_s=10)


async def test_a_rebuild_from_the_log_gives_the_live_rows(rewards: Rewards, log: EventLog) -> None:
    """Everything is lost but the log, what accounts publishes, and the tables of donations."""
    people = await a_city(rewards)
    verdicts = story(random.Random(3), [account_of(one) for one in people], 120)
    await publish(log, verdicts)
    await earn(rewards, verdicts)
    before = await state_of(rewards)
    for table in (
        "recognised_act",
        "earned_day",
        "earned_scene",
        "earned_total",
        "standing",
        "board_class",
        "board",
        "badge",
    ):
        await rewards.sql(f"DELETE FROM rewards.{table}")
    report = await rebuild_of(rewards, log).run()
    assert report.records >= len(verdicts)
    await refresh(rewards)
    assert await state_of(rewards) == before


async def test_verdicts_and_choices_that_arrive_meanwhile_are_in_the_new_generation(
    rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small steps; before each of them something happens, at accounts that are built already and at others."""
    monkeypatch.setattr(all_steps, "PEOPLE_PER_STEP", 3)
    chance = random.Random(4)
    people = await a_city(rewards, 16)
    accounts = [account_of(one) for one in people]
    verdicts = story(chance, accounts, 150)
    later = story(chance, accounts, 150)
    await earn(rewards, verdicts)
    build, fill = rebuilding.build_sums, participants.accounts_after
    happened = 0

    async def something_happens() -> None:
        nonlocal happened, later
        happened += 1
        poll, later = later[:15], later[15:]
        await consume(rewards, poll)

    async def build_after_something(session: Any) -> Any:
        await something_happens()
        return await build(session, acts=25)

    async def fill_after_something(session: Any, **more: Any) -> Any:
        poll, rest = later[:10], later[10:]
        later[:] = rest
        asyncio.get_running_loop().create_task(consume(rewards, poll))
        return await fill(session, **more)

    monkeypatch.setattr(rebuilding, "build_sums", build_after_something)
    monkeypatch.setattr(participants, "accounts_after", fill_after_something)

    async def refreshing() -> None:
        while True:
            await refresh(rewards)
            await asyncio.sleep(0.05)

    running = asyncio.create_task(refreshing())
    report = await rebuild_of(rewards).run()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert happened == report.sums_steps > 3
    assert report.differences == 0
    await consume(rewards, later)
    await refresh(rewards)
    after = await state_of(rewards)
    await rebuild_of(rewards).run()  # from the acts alone
    await refresh(rewards)
    assert await state_of(rewards) == after


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("stage", ["donations", "sums", "boards", "live"])
async def test_an_interrupted_rebuild_goes_on_at_the_next_call(rewards: Rewards, stage: str) -> None:
    people = await a_city(rewards)
    await earn(rewards, story(random.Random(5), [account_of(one) for one in people], 80))
    before = await state_of(rewards)

    def interrupt(at: str, _report: Report) -> None:
        if at == stage:
            raise Interrupted

    with pytest.raises(Interrupted):
        await rebuild_of(rewards, tell=interrupt).run()
    await refresh(rewards)
    assert (await places(rewards), await sums(rewards)) == (before[1], before[0])
    await rebuild_of(rewards).run()
    await refresh(rewards)
    assert await state_of(rewards) == before
    generations = await rewards.sql("SELECT DISTINCT generation FROM rewards.earned_total")
    assert len(generations) == 1


async def test_boards_that_are_over_are_deleted(rewards: Rewards) -> None:
    people = await a_city(rewards)
    await earn(rewards, [judged(account_of(one)) for one in people])
    before = await places(rewards)
    old = today() - timedelta(days=100)
    await rewards.sql(
        "INSERT INTO rewards.board (generation, is_live, kind, subject, period, starts_on, members)"
        " VALUES (0, true, 'city', '', 'week', $1, 1)",
        old,
    )
    await rewards.sql(
        "INSERT INTO rewards.standing SELECT $1, board_id, 5, 5, 1 FROM rewards.board WHERE starts_on = $2",
        account_of(people[0]),
        old,
    )
    async with rewards.database.transaction() as session:
        await refreshing_service.delete_old_boards(session, time_zone=ZONE)
    assert await rewards.sql("SELECT 1 FROM rewards.board WHERE starts_on = $1", old) == []
    assert await places(rewards) == before
    async with rewards.database.transaction() as session:
        assert (await recognition.get_state(session)).live == 0
