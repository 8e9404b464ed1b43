"""Hostile records, published straight into the topics. Consumers must set them aside and neither stop nor restart."""

import asyncio
import copy
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx

from deploy.demo.gateway import EVENTS
from shared.contracts import topics
from shared.eventlog import EventLog, Record, TopicPartition, open_event_log
from tests.fuzz.callers import Callers
from tests.fuzz.findings import Findings

# Consumers stop after 100 bad records in a row. Good records in between keep them running.
BURST = 20
HEALED_BY = 4
CONSUMED_S = 30.0
BIG_BYTES = 300_000
TOPICS = (topics.ACTIVITIES, topics.BINDINGS, topics.OUTCOMES, topics.REWARDS)
CONSUMED = """
    SELECT coalesce(sum(next_offset), 0) FROM (
        SELECT consumer, topic, partition, next_offset FROM accounting.consumer_partition
        UNION ALL SELECT consumer, topic, partition, next_offset FROM ingest.consumer_partition
        UNION ALL SELECT consumer, topic, partition, next_offset FROM rewards.consumer_partition
        UNION ALL SELECT consumer, topic, partition, next_offset FROM accounts.consumer_partition) c"""
DEAD = """
    SELECT (SELECT count(*) FROM accounting.dead_letter) + (SELECT count(*) FROM ingest.dead_letter)
         + (SELECT count(*) FROM rewards.dead_letter) + (SELECT count(*) FROM accounts.dead_letter)"""
_STRANGE: tuple[Any, ...] = (
    None,
    -1,
    0,
    2**63,
    2**70,
    1e308,
    "",
    "\0",
    "汉" * 500,
    [],
    {},
    True,
    [[]] * 50,
    "2026-02-30",
)


def hostile_values(good: bytes | None, chance: random.Random, count: int) -> Iterator[bytes | None]:
    """Yield values that no service writes: noise, other JSON, and changed copies of a good record."""
    fixed: tuple[bytes | None, ...] = (
        None,
        b"",
        b"\0" * 100,
        b"\xff\xfe\xfd",
        b"null",
        b"[]",
        b"{}",
        b'"x"',
        b"[" * 50_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"event_key": NaN}',
        b'{"a": "\\ud800"}',
        b"{" + b'"a":1,' * 1000 + b'"a":2}',
        b"x" * BIG_BYTES,
        json.dumps({"event_id": "x" * BIG_BYTES}).encode(),
    )
    yield from fixed
    for _ in range(max(0, count - len(fixed))):
        if good is None or chance.random() < 0.2:
            yield chance.randbytes(chance.randint(1, 200))
        else:
            yield _changed(good, chance)


def _changed(good: bytes, chance: random.Random) -> bytes:
    content = copy.deepcopy(json.loads(good))
    for _ in range(chance.randint(1, 3)):
        places = list(_places(content))
        holder, key = chance.choice(places)
        if chance.random() < 0.3:
            holder.pop(key)
        else:
            holder[key] = chance.choice(_STRANGE)
        if not content:
            break
    text = json.dumps(content, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")
    return text[: chance.randint(1, len(text))] if chance.random() < 0.1 else text


def _places(content: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield content, key
            yield from _places(value)


class HostileRecords:
    """`restarts`: returns the number of process restarts so far."""

    def __init__(
        self, callers: Callers, findings: Findings, *, admin_dsn: str, log_url: str, restarts: Callable[[], int]
    ) -> None:
        self._callers, self._findings = callers, findings
        self._admin_dsn, self._log_url, self._restarts = admin_dsn, log_url, restarts
        self._numbers = 0

    async def play(self, *, seed: int, count: int, until: float, progress: Callable[[str], None]) -> dict[str, int]:
        """Publish `count` records to each topic. Returns figures for the report."""
        log = open_event_log(self._log_url, client_id="fuzz")
        connection = await asyncpg.connect(self._admin_dsn)
        chance = random.Random(seed)
        before, dead_before = self._restarts(), int(await connection.fetchval(DEAD))
        try:
            await log.start()
            await self._publish_good_events()
            for topic in TOPICS:
                progress(topic)
                sample = await _sample(log, topic)
                burst: list[bytes | None] = []
                for value in hostile_values(sample, chance, count):
                    burst.append(value)
                    if len(burst) == BURST:
                        await self._burst(log, connection, topic, burst)
                        burst = []
                    if time.monotonic() > until:
                        break
                await self._burst(log, connection, topic, burst)
            dead = int(await connection.fetchval(DEAD)) - dead_before
        finally:
            await connection.close()
            await log.stop()
        if self._restarts() != before:
            self._findings.fail(f"records: {self._restarts() - before} processes were restarted")
        if not dead:
            self._findings.fail("records: not one of them was set aside")
        return {"dead_letters": dead}

    async def _burst(
        self, log: EventLog, connection: "asyncpg.Connection[Any]", topic: str, values: list[bytes | None]
    ) -> None:
        self._findings.cases["records"] += len(values)
        seen = int(await connection.fetchval(CONSUMED))
        if values:
            await log.publish(topic, [Record(key=b"fuzz:%d" % n, value=value) for n, value in enumerate(values)])
        if topic != topics.REWARDS:  # no service consumes this topic yet
            deadline = time.monotonic() + CONSUMED_S
            while int(await connection.fetchval(CONSUMED)) < seen + len(values):
                if time.monotonic() > deadline:
                    self._findings.fail(f"records: {topic}: a consumer is stuck at one of {values!r:.300}")
                    return
                await asyncio.sleep(0.1)
        await self._publish_good_events()

    async def _publish_good_events(self) -> None:
        """Push good events of a bound citizen and wait for the credit, so that every consumer accepts a record."""
        citizen = await asyncio.to_thread(self._callers.new_citizen, ("recycle",))
        partner = self._callers.partners["recycle"]
        events = []
        for _ in range(HEALED_BY):
            self._numbers += 1
            name, at = f"healed-{time.time_ns()}-{self._numbers}", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            data = {
                "account_ref": {"type": "account_no", "value": citizen.account_no},
                "deposit_id": name,
                "material": "paper",
                "weight_g": 1000,
                "machine_ref": "fuzz-1",
                "occurred_at": at,
                "city_code": "420100",
            }
            kind = "cn.carboninclusion.recycling.deposited.v1"
            events.append({"specversion": "1.0", "id": name, "source": partner.source, "type": kind, "data": data})
        body = json.dumps(events).encode()
        headers = {
            "Authorization": self._callers.authorization("POST", EVENTS, body, citizen, "recycle"),
            "Content-Type": "application/cloudevents-batch+json",
        }
        async with httpx.AsyncClient(base_url=self._callers.url, trust_env=False, timeout=20) as client:
            answer = await client.post(EVENTS, content=body, headers=headers)
            if answer.status_code != 202 or answer.json()["accepted"] != HEALED_BY:
                self._findings.fail(f"records: good events refused: {answer.text[:300]}")
                return
            me = {"Authorization": f"Bearer {citizen.token}"}
            deadline = time.monotonic() + CONSUMED_S
            while time.monotonic() < deadline:
                balance = await client.get("/api/v1/accounting/me/balance", headers=me)
                if balance.status_code == 200 and balance.json()["lifetime_mg"] > 0:
                    return
                await asyncio.sleep(0.1)
        self._findings.fail("records: good events after bad ones were not credited in time")


async def _sample(log: EventLog, topic: str) -> bytes | None:
    """Return a record of a service as a base for changes, None on an empty topic."""
    partitions = [TopicPartition(topic, number) for number in range(await log.partition_count(topic))]
    begins = await log.begin_offsets(partitions)
    for records in (await log.fetch(begins, max_records=5, max_wait_s=0.5)).values():
        for record in records:
            if record.value and record.value.startswith(b"{"):
                return record.value
    return None
