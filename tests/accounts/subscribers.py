"""People who asked for messages, and the queue."""

from datetime import date
from typing import Any

import httpx
from fastapi import FastAPI

from services.accounts.messages import service
from services.accounts.messages.sending import MessageSender
from services.accounts.messages.templates import offered_templates
from services.accounts.resources import wechat_of
from services.accounts.settings import Settings
from shared.db import Database
from tests.accounts.conftest import Db, People, Person

SEND = "/cgi-bin/message/subscribe/send"
EVENING: dict[str, Any] = {"amount_mg": 170_000, "acts": 2, "day": date(2026, 11, 27)}


def sender_of(settings: Settings, database: Database, app: FastAPI, server: FastAPI) -> MessageSender:
    return MessageSender(
        database,
        settings=settings,
        vault=app.state.resources.vault,
        wechat=wechat_of(settings, httpx.ASGITransport(server)),
        offered=offered_templates(settings.message_templates),
    )


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
