"""Records that the consumers of accounts cannot read: set aside, listed, published again, discarded."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.accounts import worker as accounts_worker
from services.accounts.settings import Settings
from shared.contracts.freezes_v1 import FreezeChanged
from shared.contracts.topics import FREEZES, PARTITIONS
from shared.eventlog import EventLog, Record, open_event_log
from shared.outbox import records_in
from tests.accounts.conftest import BASE, Db, code_of
from tests.accounts.operators import OPS, bearer, make_local
from tests.tokens import TokenFactory

LETTERS = f"{BASE}/ops/dead-letters"
UNREADABLE = b'{"account_id": "13800138000", "frozen": "yes"}'
WHY = {"reason": "核对过了"}


class Desk:
    def __init__(self, client: httpx.AsyncClient, tokens: TokenFactory) -> None:
        self._client, self._tokens = client, tokens

    async def call(self, method: str, path: str = "", body: Any = None, *, scopes: str = "") -> httpx.Response:
        headers = self._tokens.operator(scopes or "ops:read ops:accounts", subject="ann")
        return await self._client.request(method, f"{LETTERS}{path}", json=body, headers=headers)


@pytest.fixture
def desk(client: httpx.AsyncClient, tokens: TokenFactory) -> Desk:
    return Desk(client, tokens)


@pytest.fixture
async def log(settings: Settings) -> AsyncIterator[EventLog]:
    """The log with a worker of accounts that reads it."""
    worker = accounts_worker.build(settings)
    stopping = asyncio.Event()
    running = asyncio.create_task(worker.run_until(stopping))
    opened = open_event_log(settings.event_log_url, client_id="test")
    await opened.start()
    await opened.ensure_topic(FREEZES, partitions=PARTITIONS[FREEZES])
    yield opened
    stopping.set()
    await running
    await opened.stop()


async def set_aside(db: Db, value: bytes, topic: str = FREEZES) -> int:
    """Store a dead letter as the consumer does. Return its id."""
    found = await db.fetchval(
        'INSERT INTO accounts.dead_letter (consumer, topic, partition, "offset", reason, message, key, value,'
        " appended_at) SELECT 'accounts.freezes', $1, 0, count(*), 'UNREADABLE_RECORD', 'unreadable', 'k', $2, now()"
        " FROM accounts.dead_letter RETURNING id",
        topic,
        value,
    )
    return int(found)


def freeze() -> bytes:
    at = datetime(2026, 11, 27, 8, tzinfo=UTC)
    return msgspec.json.encode(FreezeChanged(account_id=uuid.uuid4(), frozen=True, reason=None, changed_at=at))


async def test_a_record_that_cannot_be_read_is_set_aside_and_listed_without_personal_data(
    desk: Desk, log: EventLog
) -> None:
    await log.publish(FREEZES, [Record(key=b"k", value=UNREADABLE, headers=())])
    async with asyncio.timeout(20):
        while not (items := (await desk.call("GET")).json()["items"]):
            await asyncio.sleep(0.1)
    [item] = items
    assert (item["consumer"], item["topic"], item["state"]) == ("accounts.freezes", FREEZES, "open")
    detail = (await desk.call("GET", f"/{item['dead_letter_id']}")).json()
    assert "13800138000" not in detail["value"]
    assert "138********" in detail["value"]


async def test_a_readable_record_is_published_again_once(desk: Desk, db: Db) -> None:
    """For example after a deployment that could not read it."""
    value = freeze()
    letter = await set_aside(db, value)
    answers = await asyncio.gather(*(desk.call("POST", f"/{letter}/replay", WHY) for _ in range(4)))
    assert {one.status_code for one in answers} == {200}
    [row] = await db.fetch("SELECT topic, records FROM accounts.outbox")
    assert (row["topic"], [one.value for one in records_in(row["records"])]) == (FREEZES, [value])
    assert (await desk.call("GET", f"/{letter}")).json()["resolution"]["subject"] == "ann"


async def test_an_unreadable_record_is_neither_published_nor_changed_but_discarded(desk: Desk, db: Db) -> None:
    letter = await set_aside(db, UNREADABLE)
    assert code_of(await desk.call("POST", f"/{letter}/replay", WHY)) == (422, "STILL_UNREADABLE")
    patch = {**WHY, "patch": {"frozen": True}}
    assert code_of(await desk.call("POST", f"/{letter}/replay", patch)) == (422, "MEND_NOT_ALLOWED")
    assert (await desk.call("POST", f"/{letter}/discard", WHY)).json()["state"] == "discarded"
    assert code_of(await desk.call("POST", f"/{letter}/replay", WHY)) == (409, "DEAD_LETTER_RESOLVED")
    assert await db.fetchval("SELECT count(*) FROM accounts.outbox") == 0
    action = await db.fetchval("SELECT action FROM accounts.audit_log ORDER BY entry_id DESC LIMIT 1")
    assert action == "dead_letter.discard"


async def test_dead_letters_are_for_operators_with_the_scope_and_a_session_that_lives(
    desk: Desk, app: FastAPI, client: httpx.AsyncClient, db: Db
) -> None:
    letter = await set_aside(db, UNREADABLE)
    assert (await desk.call("GET", scopes="ops:rewards")).status_code == 403
    assert (await desk.call("POST", f"/{letter}/discard", WHY, scopes="ops:read")).status_code == 403
    anna = await make_local(app)
    headers = bearer(await client.post(f"{OPS}/sessions", json=anna.body()))
    assert (await client.get(LETTERS, headers=headers)).status_code == 200
    assert (await client.delete(f"{OPS}/sessions/current", headers=headers)).status_code == 204
    assert code_of(await client.get(LETTERS, headers=headers)) == (401, "OPERATOR_SESSION_ENDED")
