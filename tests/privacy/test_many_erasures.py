"""Many people leave while the city posts: nobody waits for a lock longer than a second, and progress shows.

`PRIVACY_PEOPLE=10000` makes it the nightly run; the suite takes a sample. The jobs and their pauses are the workers'.
"""

import asyncio
import os
import random
import resource
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import pytest

from deploy.local.postgres import PostgresServer
from services.accounting import worker as accounting_worker
from services.accounting.bindings import service as bindings
from services.accounting.decoders import BINDINGS
from services.accounting.erasures import service as accounting_erasures
from services.accounts import worker as accounts_worker
from services.accounts.erasures import service as accounts_erasures
from services.accounts.leaving import service as leaving
from services.accounts.users import service as users
from services.rewards import worker as rewards_worker
from services.rewards.erasures import service as rewards_erasures
from shared import telemetry
from shared.contracts.identity import person_account_id
from shared.db import driver
from shared.errors import Unauthenticated
from shared.projection import decoded
from tests.accounting.reports import PARTNER, YESTERDAY, Reports, as_records
from tests.databases import Dsns
from tests.privacy.city import City
from tests.privacy.lock_watch import LockWatch, LongWaits

pytestmark = pytest.mark.longer

PEOPLE: Final = int(os.environ.get("PRIVACY_PEOPLE", "60"))
# Most people have a few acts; one in thirty rode for a year.
ACTS_EACH, ACTS_OF_A_YEAR, EVERY = 3, 400, 30
# The pause in which a poll may still know the bindings of a person. The sample does without.
QUIET_S: Final = accounting_erasures.QUIET_S if PEOPLE >= 1000 else 0
LOCK_WAIT_MAX_S: Final = 1.0
_BATCH: Final = 200
_OUTCOMES: Final = "accounting.outcomes.v1"


async def settle(city: City) -> list[Reports]:
    """People with accounts, sessions, bindings and acts. Their erasure is due."""
    people = [Reports(user_id, person_account_id(user_id)) for user_id in (uuid.uuid4() for _ in range(PEOPLE))]
    await city.admin.executemany(
        "INSERT INTO accounts.app_user VALUES ($1::uuid, uuid_send($1::uuid), 'x'::bytea, now(), now())",
        [(p.user_id,) for p in people],
    )
    await city.admin.executemany(
        "INSERT INTO accounts.carbon_account (account_id, user_id, account_no, kind, opened_at)"
        " VALUES ($1::uuid, $2, $1::uuid::text, 'person', now())",
        [(p.account_id, p.user_id) for p in people],
    )
    await city.admin.executemany(
        "INSERT INTO accounts.binding (binding_id, user_id, account_id, partner_id, account_key, mode, status, version,"
        " since, counts_from, changed_at) VALUES (gen_random_uuid(), $1, $2, $3, $4, 'account_no', 'active', 1, now(),"
        " now(), now())",
        [(p.user_id, p.account_id, PARTNER, p.key_at(PARTNER)) for p in people],
    )
    await city.admin.executemany(
        "INSERT INTO accounts.erasure (erasure_id, user_id, account_id, status, planned_at, due_at)"
        " VALUES (gen_random_uuid(), $1, $2, 'planned', now() - interval '15 d', now())",
        [(p.user_id, p.account_id) for p in people],
    )
    for start in range(0, PEOPLE, _BATCH):
        portion = people[start : start + _BATCH]
        async with city.databases["accounting"].transaction() as session:
            changes = [person.binding(since=timedelta(days=500)) for person in portion]
            await bindings.handle_bindings(session, decoded(as_records(changes), BINDINGS).items)
        await city.accounting.post(*(one.bus(_ride_at(one)) for one in portion for _ in range(ACTS_EACH)))
    for person in people[::EVERY]:
        await city.accounting.post(*(person.bus(_ride_at(person)) for _ in range(ACTS_OF_A_YEAR)))
    await city.admin.execute("DELETE FROM accounting.outbox")
    return people


def _ride_at(person: Reports) -> datetime:
    """An hour of its own: four rides a day, backwards."""
    return YESTERDAY - timedelta(days=person.made // 4) + timedelta(hours=7 + 2 * (person.made % 4))


async def _keep_posting(city: City, leaving_people: list[Reports], posted: list[int]) -> None:
    """Polls with acts of the city, some in a second: half of them of people who are leaving."""
    others = [await city.accounting.citizen(days_ago=500) for _ in range(20)]
    drawn = random.Random(14)
    while True:
        acting = [*others, *drawn.sample(leaving_people, 20)]
        await city.accounting.post(*(one.bus(_ride_at(one)) for one in acting))
        posted.append(len(acting))
        await asyncio.sleep(0.4)  # all services share one loop here, so that each poll delays the erasing jobs


async def _keep_living(city: City, leaving_people: list[Reports], lived: list[int]) -> None:
    """What any change of a person in accounts begins with: the lock of the person."""
    drawn = random.Random(15)
    while True:
        try:
            async with city.databases["accounts"].transaction() as session:
                await users.lock_user(session, user_id=drawn.choice(leaving_people).user_id)
        except Unauthenticated:  # erased
            pass
        lived.append(1)
        await asyncio.sleep(0.02)


async def _every(pause_s: float, job: Callable[[], Awaitable[object]]) -> None:
    while True:
        await job()
        await asyncio.sleep(pause_s)


def _jobs(city: City, progress: list[float]) -> list[Awaitable[None]]:
    """The erasing jobs of the three workers, and the log between them. The outcomes of the city go nowhere here."""
    accounts, accounting, rewards = (city.databases[name] for name in ("accounts", "accounting", "rewards"))

    async def erase_in_accounts() -> None:
        await leaving.carry_out_due(accounts, settings=city.settings["accounts"])

    async def erase_in_rewards() -> None:
        await rewards_erasures.erase_all_due(rewards, topic="rewards.erasures.v1")

    async def measure() -> None:
        async with accounts.transaction() as session:
            await accounts_erasures.measure(session)
        planned, running = (telemetry.ERASURES_OPEN.labels(status=one)._value.get() for one in ("planned", "running"))
        progress.append(planned)
        if len(progress) % 20 == 0:
            print(f"{len(progress)} looks: {planned:.0f} people planned, {running:.0f} running", flush=True)

    async def relay() -> None:
        await city.relay_once(without=_OUTCOMES)

    return [
        _every(accounts_worker.ERASE_EVERY_S, erase_in_accounts),
        _every(
            accounting_worker.ERASE_EVERY_S,
            lambda: accounting_erasures.erase_all_due(accounting, topic="accounting.erasures.v1", quiet_s=QUIET_S),
        ),
        _every(rewards_worker.ERASE_EVERY_S, erase_in_rewards),
        _every(0.05, relay),
        _every(1.0, measure),
    ]


async def test_a_wait_of_more_than_a_second_is_seen(city_dsns: Dsns, postgres_server: PostgresServer) -> None:
    first, second = await asyncpg.connect(city_dsns.admin), await asyncpg.connect(city_dsns.admin)
    waits = LongWaits(postgres_server.log_file, city_dsns.name)
    try:
        with LockWatch(city_dsns.admin) as watch:
            await first.execute("BEGIN; LOCK TABLE accounts.app_user IN EXCLUSIVE MODE")
            waiting = asyncio.create_task(second.execute("BEGIN; LOCK TABLE accounts.app_user IN EXCLUSIVE MODE"))
            async with asyncio.timeout(30):
                while watch.longest_s < LOCK_WAIT_MAX_S or not waits.lines():
                    await asyncio.sleep(0.02)
            await first.execute("ROLLBACK")
            await waiting
    finally:
        await first.close()
        await second.close()


async def test_many_people_leave_while_the_city_posts(
    city: City, city_dsns: Dsns, postgres_server: PostgresServer
) -> None:
    people = await settle(city)
    waits = LongWaits(postgres_server.log_file, city_dsns.name)
    posted: list[int] = []
    lived: list[int] = []
    progress: list[float] = []
    started, memory_kib = time.monotonic(), _memory_kib()
    with LockWatch(city_dsns.admin) as watch:
        work = [_keep_posting(city, people, posted), _keep_living(city, people, lived), *_jobs(city, progress)]
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            await _wait_until_done(city, tasks, progress)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    print(
        f"{PEOPLE} people in {time.monotonic() - started:.1f} s, longest lock wait {watch.longest_s:.3f} s"
        f" ({watch.samples} samples, at most {watch.gap_s:.3f} s apart), {sum(posted)} acts posted, {len(lived)} locks,"
        f" {memory_kib} KiB before and {_memory_kib()} KiB at most"
    )
    assert watch.longest_s < LOCK_WAIT_MAX_S
    assert waits.lines() == []
    assert min(sum(posted), len(lived)) > 0
    assert progress == sorted(progress, reverse=True)
    assert progress[-1] == 0
    await _nobody_is_left(city, people)


async def _wait_until_done(city: City, tasks: "Sequence[asyncio.Future[None]]", progress: list[float]) -> None:
    done = "SELECT NOT EXISTS (SELECT FROM accounts.erasure WHERE status <> 'done')"
    async with asyncio.timeout(120 + PEOPLE), city.databases["accounts"].transaction() as session:
        connection = await driver(session)
        while not await connection.fetchval(done):
            for task in tasks:
                if task.done():
                    task.result()  # raises what ended it
            await asyncio.sleep(0.2)
        while not progress or progress[-1]:
            await asyncio.sleep(0.2)


async def _nobody_is_left(city: City, people: list[Reports]) -> None:
    assert await city.admin.fetchval("SELECT count(*) FROM accounts.app_user") == 0
    gone = [one.account_id for one in people]
    for what in ("binding WHERE", "activity WHERE act IS NOT NULL AND", "ledger_account WHERE balance_mg <> 0 AND"):
        assert await city.admin.fetchval(f"SELECT count(*) FROM accounting.{what} account_id = ANY($1)", gone) == 0, (
            what
        )
    assert (await city.accounting.check())["ok"]


def _memory_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
