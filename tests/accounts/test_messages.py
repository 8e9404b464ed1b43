"""Subscribe messages: only for whom asked, once for each cause, late rather than twice."""

import asyncio
import dataclasses
import io
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_wechat.state import FakeWechat, Fault
from services.accounts.messages import service
from services.accounts.messages.domain import UnfitValue
from services.accounts.messages.sending import MessageSender
from services.accounts.messages.templates import offered_templates
from services.accounts.resources import wechat_of
from services.accounts.settings import Settings
from services.accounts.wechat.transport import WeChatTransport
from shared import clock
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, Person, code_of

SEND = "/cgi-bin/message/subscribe/send"
EVENING: dict[str, Any] = {"amount_mg": 170_000, "acts": 2, "day": date(2026, 11, 27)}


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings.database_url)
    yield opened
    await opened.stop()


def sender_of(settings: Settings, database: Database, app: FastAPI, server: FastAPI) -> MessageSender:
    return MessageSender(
        database,
        settings=settings,
        vault=app.state.resources.vault,
        wechat=wechat_of(settings, httpx.ASGITransport(server)),
        offered=offered_templates(settings.message_templates),
    )


@pytest.fixture
async def sender(settings: Settings, database: Database, app: FastAPI, wechat_server: FastAPI) -> MessageSender:
    return sender_of(settings, database, app, wechat_server)


async def consent(person: Person) -> None:
    body = {"purpose": "messages", "policy_version": "2026-11"}
    assert (await person.call("POST", "/me/consents", json=body)).status_code == 201


async def answer(person: Person, kind: str = "credited_today", said: str = "accept", **more: Any) -> httpx.Response:
    return await person.call("POST", "/me/messages", json={"answers": [{"kind": kind, "answer": said}]}, **more)


async def subscriber(people: People, openid: str, *, times: int = 1, kind: str = "credited_today") -> Person:
    person = await people.new(openid)
    await consent(person)
    for _ in range(times):
        assert (await answer(person, kind)).status_code == 200
    return person


async def remaining(person: Person, kind: str = "credited_today") -> int:
    items = (await person.call("GET", "/me/messages")).json()["items"]
    return int(next(item["remaining"] for item in items if item["kind"] == kind))


async def queue(database: Database, person: Person, key: str = "day-1", **changed: Any) -> bool:
    values = {"user_id": person.user_id, "kind": "credited_today", "key": key, "values": EVENING, **changed}
    async with database.transaction() as session:
        return await service.queue(session, **values)


async def states(db: Db) -> list[tuple[str, str | None]]:
    rows = await db.fetch("SELECT status, reason FROM accounts.message ORDER BY message_id")
    return [(row["status"], row["reason"]) for row in rows]


async def make_due(db: Db) -> None:
    await db.execute("UPDATE accounts.message SET due_at = now() WHERE status = 'waiting'")


async def test_a_message_arrives_once_with_its_values(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    assert await queue(database, anna)
    assert not await queue(database, anna)
    assert await sender.send_due() == 1
    assert await sender.send_due() == 0
    assert fake.received == [
        {
            "openid": "anna",
            "template_id": "dev-credited-today",
            "page": "pages/records/index",
            "data": {"thing1": "170 克", "number2": "2", "date3": "2026年11月27日"},
            "state": "formal",
        }
    ]
    assert await states(db) == [("sent", None)]
    assert await remaining(anna) == 0


async def test_nobody_gets_what_they_did_not_ask_for(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna, ben = await people.new("anna"), await subscriber(people, "ben", kind="order_confirmed")
    assert not await queue(database, anna)
    assert not await queue(database, ben)
    assert await sender.send_due() == 0
    assert fake.received == []
    assert await states(db) == []


async def test_one_acceptance_is_one_message(people: People, database: Database) -> None:
    anna = await subscriber(people, "anna", times=2)
    queued = [await queue(database, anna, f"day-{number}") for number in range(3)]
    assert queued == [True, True, False]


async def test_acceptances_are_bounded(people: People, db: Db) -> None:
    anna = await subscriber(people, "anna")
    await db.execute("UPDATE accounts.message_choice SET remaining = 30")
    assert (await answer(anna)).json()["items"][0]["remaining"] == 30


async def test_a_repeated_answer_counts_once(people: People) -> None:
    anna = await subscriber(people, "anna")
    headers = {**anna.headers, "Idempotency-Key": "answer-0001"}
    anna.headers = headers
    first, again = await answer(anna), await answer(anna)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    del headers["Idempotency-Key"]
    assert await remaining(anna) == 2


async def test_a_crowd_of_the_same_cause_leaves_one_message(people: People, database: Database, db: Db) -> None:
    anna = await subscriber(people, "anna", times=5)
    queued = await asyncio.gather(*(queue(database, anna) for _ in range(5)))
    assert sorted(queued) == [False] * 4 + [True]
    assert await remaining(anna) == 4
    assert len(await states(db)) == 1


async def test_messages_need_their_own_consent(people: People) -> None:
    anna = await people.new("anna")
    assert code_of(await answer(anna)) == (409, "CONSENT_REQUIRED")


async def test_consent_withdrawn_after_queuing_stops_the_message(
    people: People, database: Database, sender: MessageSender, fake: FakeWechat, db: Db
) -> None:
    anna = await subscriber(people, "anna", times=2)
    await queue(database, anna)
    await anna.call("DELETE", "/me/consents?purpose=messages")
    assert not await queue(database, anna, "day-2")
    await sender.send_due()
    assert fake.received == []
    assert await states(db) == [("dropped", "NO_CONSENT")]


@pytest.mark.parametrize(("said", "left"), [("reject", 2), ("ban", 0), ("stop", 0)])
async def test_a_refusal_in_the_mini_program_is_remembered(
    people: People, database: Database, db: Db, said: str, left: int
) -> None:
    anna = await subscriber(people, "anna", times=3)
    await queue(database, anna)
    assert (await answer(anna, said=said)).status_code == 200
    assert await remaining(anna) == left
    assert await states(db) == [("waiting", None) if said == "reject" else ("dropped", "STOPPED")]


async def test_an_unknown_kind_and_a_kind_twice_are_refused(people: People, client: httpx.AsyncClient) -> None:
    anna = await subscriber(people, "anna")
    assert (await answer(anna, "weather")).status_code == 422
    twice = {"answers": [{"kind": "expiring", "answer": "accept"}] * 2}
    assert (await anna.call("POST", "/me/messages", json=twice)).status_code == 422
    assert (await client.get(f"{BASE}/me/messages")).status_code == 401


async def test_a_kind_without_a_template_cannot_be_asked_for(people: People, app: FastAPI, settings: Settings) -> None:
    anna = await subscriber(people, "anna")
    fewer = settings.model_copy(update={"message_templates": {"expiring": settings.message_templates["expiring"]}})
    app.state.resources = dataclasses.replace(app.state.resources, settings=fewer)
    assert [item["kind"] for item in (await anna.call("GET", "/me/messages")).json()["items"]] == ["expiring"]
    assert code_of(await answer(anna)) == (409, "MESSAGE_KIND_UNAVAILABLE")
    app.state.resources = dataclasses.replace(app.state.resources, settings=settings)


async def test_values_that_do_not_fit_are_refused_before_anything_is_stored(
    people: People, database: Database, db: Db
) -> None:
    anna = await subscriber(people, "anna")
    with pytest.raises(UnfitValue):
        await queue(database, anna, values={"amount_mg": 1, "acts": -1, "day": date(2026, 1, 1)})
    with pytest.raises(UnfitValue):
        await queue(database, anna, key="")
    assert await remaining(anna) == 1
    assert await states(db) == []


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


async def test_erasure_takes_choices_and_messages(people: People, database: Database, db: Db) -> None:
    anna, ben = await subscriber(people, "anna", times=2), await subscriber(people, "ben")
    await queue(database, anna)
    await queue(database, ben)
    async with database.transaction() as session:
        exported = await service.export_user(session, user_id=anna.user_id)
        await service.erase_user(session, user_id=anna.user_id)
    assert exported["accepted"] == {"credited_today": 1}
    assert len(exported["messages"]) == 1
    for table in ("message", "message_choice"):
        left = await db.fetch(f"SELECT DISTINCT user_id FROM accounts.{table}")
        assert [row["user_id"] for row in left] == [uuid.UUID(str(ben.user_id))]


async def test_old_messages_are_deleted_and_young_keys_kept(people: People, database: Database, db: Db) -> None:
    anna = await subscriber(people, "anna", times=2)
    await queue(database, anna)
    await db.execute("UPDATE accounts.message SET status = 'sent', finished_at = now()")
    async with database.transaction() as session:
        await service.purge_past(session, at_most=10)
    assert not await queue(database, anna)
    await db.execute("UPDATE accounts.message SET created_at = now() - interval '91 days'")
    async with database.transaction() as session:
        await service.purge_past(session, at_most=10)
    assert await states(db) == []


def test_messages_have_places_of_their_own(settings: Settings) -> None:
    transport = WeChatTransport(base_url="http://w.test", app_id="x", app_secret=settings.wechat_app_secret)
    assert transport._guards["messages"] is not transport._guards["log_ins"]
