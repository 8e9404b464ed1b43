"""Erasure in rewards: counters and bills stay right, codes and requests are gone, open orders end first."""

import uuid

import msgspec

from services.rewards.erasures import service as erasures
from shared import clock
from shared.contracts.erasures_v1 import ErasureAnswered, ErasureAsked
from shared.contracts.identity import person_account_id
from shared.eventlog import StoredRecord
from shared.outbox import records_in
from tests.rewards.conftest import PRICE_MG, Rewards
from tests.rewards.fake_accounting import UNAVAILABLE

TOPIC = "rewards.erasures.v1"


async def ask(rewards: Rewards, user_id: uuid.UUID) -> None:
    asked = ErasureAsked(
        erasure_id=uuid.uuid4(), account_id=person_account_id(user_id), user_id=user_id, asked_at=clock.now()
    )
    record = StoredRecord("t", 0, 0, b"k", msgspec.json.encode(asked), (), clock.now())
    async with rewards.database.transaction() as session:
        await erasures.handle_asked(session, [(record, asked)], topic=TOPIC)


async def run(rewards: Rewards) -> None:
    while True:
        async with rewards.database.transaction() as session:
            if not await erasures.erase_due(session, topic=TOPIC):
                return


async def answers(rewards: Rewards) -> list[ErasureAnswered]:
    rows = await rewards.sql("SELECT records FROM rewards.outbox WHERE topic = $1 ORDER BY id", TOPIC)
    found = [record.value or b"" for row in rows for record in records_in(row["records"])]
    return [msgspec.json.decode(value, type=ErasureAnswered) for value in found]


async def test_codes_and_requests_are_gone_and_the_bills_stay_right(rewards: Rewards) -> None:
    await rewards.add_item()
    await rewards.add_campaign()
    anna, ben = rewards.citizen(4 * PRICE_MG), rewards.citizen(4 * PRICE_MG)
    numbers = []
    for user in (anna, ben):
        assert (await rewards.order(user, client_request_id=f"request-of-{user}")).status_code == 201
        donation = await rewards.donate(user, 5_000)
        numbers.append(donation.json()["certificate"]["certificate_no"])
    sealed = (await rewards.sql("SELECT code_sealed FROM rewards.voucher WHERE user_id = $1", anna))[0]["code_sealed"]
    await ask(rewards, anna)
    await run(rewards)
    [answer] = await answers(rewards)
    assert answer.rows >= 4  # order, donation, voucher and the keys of both requests
    assert (await rewards.stock_check())["limits_differing"] == 0
    check = await rewards.stock_check()
    assert check["campaigns_differing"] == 0
    everything = ""
    for table in await rewards.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'rewards'"):
        for row in await rewards.sql(f'SELECT * FROM rewards."{table["tablename"]}"'):
            everything += "|".join(cell.hex() if isinstance(cell, bytes) else str(cell) for cell in row.values())
    assert f"request-of-{anna}" not in everything
    assert sealed.hex() not in everything
    assert f"request-of-{ben}" in everything
    for number in numbers:  # anybody may still check a certificate
        assert (await rewards.get(f"/certificates/{number}")).status_code == 200
    assert [row["user_id"] for row in await rewards.sql("SELECT user_id FROM rewards.erasure_task")] == [None]


async def test_an_order_that_is_under_way_ends_first(rewards: Rewards) -> None:
    await rewards.add_item()
    anna = rewards.citizen()
    rewards.network.faults = {"spend": UNAVAILABLE}
    assert (await rewards.order(anna)).status_code == 202
    await ask(rewards, anna)
    await run(rewards)
    assert await answers(rewards) == []
    rewards.network.faults = {}
    await rewards.work(seconds=3600)
    await rewards.sql("UPDATE rewards.erasure_task SET next_at = now()")
    await run(rewards)
    assert len(await answers(rewards)) == 1


async def test_a_question_asked_again_is_answered_again(rewards: Rewards) -> None:
    anna = rewards.citizen()
    await ask(rewards, anna)
    await run(rewards)
    await ask(rewards, anna)
    assert len(await answers(rewards)) == 2
