"""Subscribe messages: only for whom asked, once for each cause."""

import asyncio
import dataclasses
import uuid
from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_wechat.state import FakeWechat
from services.accounts.messages import service
from services.accounts.messages.domain import UnfitValue
from services.accounts.messages.sending import MessageSender
from services.accounts.settings import Settings
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.accounts.subscribers import (
    answer,
    queue,
    remaining,
    sender_of,
    states,
    subscriber,
)


@pytest.fixture
async def sender(settings: Settings, database: Database, app: FastAPI, wechat_server: FastAPI) -> MessageSender:
    return sender_of(settings, database, app, wechat_server)


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


async def test_erasure_takes_choices_and_messages(people: People, database: Database, db: Db) -> None:
    anna, ben = await subscriber(people, "anna", times=2), await subscriber(people, "ben")
    await queue(database, anna)
    await queue(database, ben)
    async with database.transaction() as session:
        await service.erase_user(session, user_id=anna.user_id)
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
