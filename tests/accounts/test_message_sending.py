"""Sending subscribe messages: within the quotas, late rather than twice."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_wechat.state import FakeWechat, Fault
from services.accounts.messages.sending import MessageSender
from services.accounts.settings import Settings
from services.accounts.wechat.transport import WeChatTransport
from shared import clock
from shared.db import Database
from tests.accounts.conftest import Db, People
from tests.accounts.subscribers import (
    SEND,
    make_due,
    queue,
    remaining,
    sender_of,
    states,
    subscriber,
)


@pytest.fixture
async def sender(settings: Settings, database: Database, app: FastAPI, wechat_server: FastAPI) -> MessageSender:
    return sender_of(settings, database, app, wechat_server)


async def test_a_refused_message_ends_the_subscription(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna", times=3)
    fake.user("anna").refused = {"dev-credited-today"}
    await queue(database, anna)
    await sender.send_due()
    assert await states(db) == [("dropped", "43101")]
    assert await remaining(anna) == 0


@pytest.mark.parametrize(("errcode", "left"), [(40037, 1), (47003, 1), (41030, 1), (40003, 0)])
async def test_a_fault_of_ours_is_final_and_gives_the_acceptance_back(
    people: People,
    database: Database,
    sender: MessageSender,
    fake: FakeWechat,
    db: Db,
    errcode: int,
    left: int,
) -> None:
    anna = await subscriber(people, "anna")
    fake.faults.append(Fault(SEND, errcode=errcode))
    await queue(database, anna)
    await sender.send_due()
    await make_due(db)
    assert await sender.send_due() == 0
    assert await states(db) == [("failed", str(errcode))]
    assert await remaining(anna) == left


async def test_a_rejected_token_is_renewed_once(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat
) -> None:
    anna = await subscriber(people, "anna", times=2)
    await queue(database, anna)
    await sender.send_due()
    fake.forget_token()
    fake.token(force=True)
    await queue(database, anna, "day-2")
    await sender.send_due()
    assert len(fake.received) == 2


async def test_a_token_that_stays_wrong_is_two_attempts_not_a_storm(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    fake.faults.append(Fault(SEND, errcode=40001, times=100))
    await queue(database, anna)
    for _ in range(4):
        await sender.send_due()
        await make_due(db)
    assert fake.calls[SEND] == 4  # each attempt with one renewal
    assert await states(db) == [("failed", "40001")]


async def test_a_busy_wechat_is_asked_once_more(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    fake.faults.append(Fault(SEND, errcode=-1))
    await queue(database, anna)
    await sender.send_due()
    assert await states(db) == [("waiting", "-1")]
    assert await sender.send_due() == 0, "it waits before the retry"
    await make_due(db)
    await sender.send_due()
    assert len(fake.received) == 1


async def test_a_used_up_quota_delays_the_message(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    fake.quotas[SEND] = 0
    await queue(database, anna)
    for _ in range(3):
        await sender.send_due()
        await make_due(db)
    assert await states(db) == [("waiting", "45009")]
    fake.quotas.clear()
    await sender.send_due()
    assert len(fake.received) == 1


async def test_a_wechat_that_is_away_makes_messages_late_but_not_lost(
    people: People,
    database: Database,
    sender: MessageSender,
    fake: FakeWechat,
    db: Db,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna = await subscriber(people, "anna")
    await queue(database, anna)

    async def refused(*_: Any, **__: Any) -> httpx.Response:
        raise httpx.ConnectError("refused")

    http = sender._wechat._wechat._http
    real = http._transport.handle_async_request
    monkeypatch.setattr(http._transport, "handle_async_request", refused)
    for _ in range(3):
        await sender.send_due()
        await make_due(db)
    assert (await states(db))[0][0] == "waiting"
    monkeypatch.setattr(http._transport, "handle_async_request", real)
    await sender.send_due()
    assert len(fake.received) == 1
    assert await states(db) == [("sent", None)]


async def test_an_answer_that_is_too_late_is_not_a_second_message(
    people: People,
    database: Database,
    sender: MessageSender,
    fake: FakeWechat,
    db: Db,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.accounts.wechat.transport.CALL_TIMEOUT_S", 0.2)
    anna = await subscriber(people, "anna")
    await sender.send_due()
    fake.faults.append(Fault(SEND, late_s=0.6))
    await queue(database, anna)
    await sender.send_due()
    await asyncio.sleep(0.6)
    await make_due(db)
    await sender.send_due()
    assert len(fake.received) <= 1
    assert await states(db) == [("unknown", "NO_ANSWER")]


@pytest.mark.parametrize("raw", ["", "<html>", "[1]", '"ok"', "{" * 5000, '{"errcode": "0"}'])
async def test_a_malformed_answer_is_not_a_second_message(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db, raw: str
) -> None:
    anna = await subscriber(people, "anna")
    fake.faults.append(Fault(SEND, raw=raw))
    await queue(database, anna)
    await sender.send_due()
    status, _ = (await states(db))[0]
    assert status in {"unknown", "waiting"}
    await make_due(db)
    await sender.send_due()
    assert len(fake.received) == (0 if status == "unknown" else 1)


async def test_a_crash_between_sending_and_noting_is_not_a_second_message(
    people: People,
    database: Database,
    sender: MessageSender,
    fake: FakeWechat,
    db: Db,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna = await subscriber(people, "anna")
    await queue(database, anna)

    async def crash(*_: Any) -> None:
        raise ConnectionError("the process dies")

    with monkeypatch.context() as patched:
        patched.setattr(sender, "_note", crash)
        await sender.send_due()
    assert await states(db) == [("sending", None)]
    assert await sender.send_due() == 0, "the claim is still alive"
    await db.execute("UPDATE accounts.message SET due_at = now()")
    await sender.send_due()
    assert await states(db) == [("unknown", "INTERRUPTED")]
    assert len(fake.received) == 1


async def test_two_senders_send_each_message_once(
    people: People, settings: Settings, database: Database, app: FastAPI, wechat_server: FastAPI, fake: FakeWechat
) -> None:
    everybody = [await subscriber(people, f"person-{number}") for number in range(12)]
    for person in everybody:
        await queue(database, person)
    senders = [sender_of(settings, database, app, wechat_server) for _ in range(3)]
    while sum(await asyncio.gather(*(one.send_due() for one in senders))):
        pass
    assert sorted(one["openid"] for one in fake.received) == sorted(f"person-{number}" for number in range(12))


async def test_a_late_result_does_not_overwrite_a_newer_attempt(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    fake.faults.append(Fault(SEND, delay_s=0.3))
    await queue(database, anna)
    sending = asyncio.create_task(sender.send_due())
    await asyncio.sleep(0.15)
    await db.execute("UPDATE accounts.message SET status = 'unknown', reason = 'INTERRUPTED', finished_at = now()")
    await sending
    assert await states(db) == [("unknown", "INTERRUPTED")]


async def test_messages_keep_to_the_quota_of_a_minute(
    people: People,
    settings: Settings,
    database: Database,
    app: FastAPI,
    wechat_server: FastAPI,
    fake: FakeWechat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tight = settings.model_copy(update={"messages_per_minute": 3})
    at = datetime.now(UTC).replace(second=1)
    monkeypatch.setattr(clock, "now", lambda: at)
    for number in range(5):
        await queue(database, await subscriber(people, f"person-{number}"))
    both = [sender_of(tight, database, app, wechat_server) for _ in range(2)]
    for _ in range(4):
        await asyncio.gather(*(one.send_due() for one in both))
    assert len(fake.received) == 3
    monkeypatch.setattr(clock, "now", lambda: at + timedelta(seconds=60))
    await both[0].send_due()
    assert len(fake.received) == 5


async def test_a_message_that_waited_too_long_is_dropped_and_given_back(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    await queue(database, anna)
    await db.execute("UPDATE accounts.message SET expires_at = now()")
    await sender.send_due()
    assert fake.received == []
    assert await states(db) == [("dropped", "EXPIRED")]
    assert await remaining(anna) == 1


async def test_no_open_id_and_no_name_is_logged_or_stored_in_plain_text(
    people: People,
    database: Database,
    sender: MessageSender,
    fake: FakeWechat,
    db: Db,
    logs: io.StringIO,
) -> None:
    anna = await subscriber(people, "openid-canary")
    fake.faults += [Fault(SEND, errcode=-1), Fault(SEND, errcode=40003)]
    await queue(database, anna)
    for _ in range(3):
        await sender.send_due()
        await make_due(db)
    assert "canary" not in logs.getvalue()
    rows = await db.fetch("SELECT m::text FROM accounts.message m")
    assert "canary" not in str(rows)


def test_messages_have_places_of_their_own(settings: Settings) -> None:
    transport = WeChatTransport(base_url="http://w.test", app_id="x", app_secret=settings.wechat_app_secret)
    assert transport._guards["messages"] is not transport._guards["log_ins"]
