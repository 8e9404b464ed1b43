"""Many people leave while the city posts: nobody waits for a lock longer than a second, and progress shows.

`PRIVACY_PEOPLE=10000` makes it the nightly run; the suite takes a sample.
"""

import asyncio
import contextlib
import os
import time
import uuid
from datetime import timedelta

import asyncpg

from services.accounting.erasures import service as accounting_erasures
from services.accounts.erasures import service as accounts_erasures
from services.accounts.leaving import service as leaving
from services.rewards.erasures import service as rewards_erasures
from shared import telemetry
from shared.contracts.identity import person_account_id
from tests.accounting.reports import PARTNER, YESTERDAY, Reports
from tests.databases import Dsns
from tests.privacy.city import City

PEOPLE = int(os.environ.get("PRIVACY_PEOPLE", "60"))
ACTS_EACH = 3
LOCK_WAIT_MAX_S = 1.0
_BATCH = 200


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
        for person in portion:
            await city.accounting.bind(person)
        await city.accounting.post(
            *(one.bus(YESTERDAY + timedelta(hours=7 + hour)) for one in portion for hour in range(ACTS_EACH))
        )
    return people


class LockWatch:
    """Samples how long any transaction has been waiting for a lock."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.longest_s = 0.0

    async def run(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            while True:
                waited = await connection.fetchval(
                    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8 FROM pg_locks"
                    " WHERE NOT granted"
                )
                self.longest_s = max(self.longest_s, waited)
                await asyncio.sleep(0.02)
        finally:
            await connection.close()


async def _keep_posting(city: City, posted: list[int]) -> None:
    """The rest of the city: polls of other people's acts, one after the other."""
    others = [await city.accounting.citizen() for _ in range(20)]
    while True:
        await city.accounting.post(*(one.bus(YESTERDAY - timedelta(days=one.made // 17)) for one in others))
        posted.append(len(others))
        await asyncio.sleep(0)


async def _erase_there(city: City, dsn: str) -> None:
    """The jobs of the other services, as often as their workers run them."""
    connection = await asyncpg.connect(dsn)
    try:
        await _keep_erasing(city, connection)
    finally:
        await connection.close()


async def _keep_erasing(city: City, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    while True:
        async with city.databases["accounting"].transaction() as session:
            erased = await accounting_erasures.erase_due(session, topic="accounting.erasures.v1", quiet_s=0)
        async with city.databases["rewards"].transaction() as session:
            await rewards_erasures.erase_due(session, topic="rewards.erasures.v1")
        await connection.execute(
            "UPDATE accounting.erasure_task SET next_at = now() WHERE done_at IS NULL AND next_at > now()"
        )
        await asyncio.sleep(0 if erased else 0.05)


async def test_the_watch_sees_a_wait(city_dsns: Dsns) -> None:
    watch = LockWatch(city_dsns.admin)
    task = asyncio.create_task(watch.run())
    first, second = await asyncpg.connect(city_dsns.admin), await asyncpg.connect(city_dsns.admin)
    try:
        await first.execute("BEGIN; LOCK TABLE accounts.app_user IN EXCLUSIVE MODE")
        waiting = asyncio.create_task(second.execute("BEGIN; LOCK TABLE accounts.app_user IN EXCLUSIVE MODE"))
        async with asyncio.timeout(30):
            while watch.longest_s < 0.1:
                await asyncio.sleep(0.02)
        await first.execute("ROLLBACK")
        await waiting
    finally:
        task.cancel()
        await first.close()
        await second.close()


async def test_many_people_leave_while_the_city_posts(city: City, city_dsns: Dsns) -> None:
    await settle(city)
    watch = LockWatch(city_dsns.admin)
    posted: list[int] = []
    progress: list[float] = []
    started = time.monotonic()
    tasks = [
        asyncio.create_task(work)
        for work in (watch.run(), _keep_posting(city, posted), _erase_there(city, city_dsns.admin))
    ]
    try:
        while await leaving.carry_out_due(city.databases["accounts"], settings=city.settings["accounts"]):
            async with city.databases["accounts"].transaction() as session:
                await accounts_erasures.measure(session)
            progress.append(telemetry.ERASURES_OPEN.labels(status="planned")._value.get())
            await _relay(city)
        async with asyncio.timeout(60 + PEOPLE):
            while await city.admin.fetchval("SELECT count(*) FROM accounts.erasure WHERE status <> 'done'"):
                await _relay(city)
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
    took_s = time.monotonic() - started
    print(f"{PEOPLE} people in {took_s:.1f} s, longest lock wait {watch.longest_s:.3f} s, {sum(posted)} acts posted")
    assert watch.longest_s < LOCK_WAIT_MAX_S
    assert sum(posted) > 0
    assert progress == sorted(progress, reverse=True)
    assert progress[-1] == 0
    assert await city.admin.fetchval("SELECT count(*) FROM accounts.app_user") == 0
    assert (await city.accounting.check())["ok"]


async def _relay(city: City) -> None:
    """Only the topics of erasure: the outcomes of the city go nowhere here."""
    await city.admin.execute("DELETE FROM accounting.outbox WHERE topic = 'accounting.outcomes.v1'")
    await city.relay()
