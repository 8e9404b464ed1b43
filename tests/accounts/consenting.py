"""Giving and withdrawing consents, and what is published and shown of them."""

import json
from datetime import datetime, timedelta

import httpx
import msgspec

from services.accounts import seed
from services.accounts.people import renewals
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.consents_v1 import ConsentChanged, consent_key
from shared.db import Database
from tests.accounts.conftest import Db, Person
from tests.cloud_events import read_event

MONTH = timedelta(days=30)


async def give(person: Person, purpose: str, version: str = "2026-11") -> httpx.Response:
    return await person.call("POST", "/me/consents", json={"purpose": purpose, "policy_version": version})


async def withdraw(person: Person, purpose: str) -> httpx.Response:
    return await person.call("DELETE", "/me/consents", params={"purpose": purpose})


async def history(person: Person) -> list[tuple[str, str, str, str]]:
    items = (await person.call("GET", "/me/consents/history?limit=100")).json()["items"]
    return [(item["purpose"], item["change"], item["by"], item["channel"]) for item in items]


async def consents_published(db: Db) -> list[ConsentChanged]:
    found = []
    for row in await db.fetch("SELECT topic, records FROM accounts.outbox ORDER BY id"):
        for key, value, headers in msgspec.msgpack.decode(row["records"]):
            if row["topic"] == "accounts.consents.v1":
                read_event(row["topic"], key, value, headers)
                change = msgspec.json.decode(value, type=ConsentChanged)
                assert key == consent_key(change.account_id, change.purpose)
                found.append(change)
    return found


async def new_text(settings: Settings, family: str, *, renew_in: timedelta, version: str = "2027-01") -> datetime:
    """Publish a text that is in force now, and return the moment at which consents to the former ones end."""
    begins, ends = clock.now() - timedelta(seconds=1), clock.now() + renew_in
    policy = {"family": family, "version": version, "title_zh": "新", "title_en": "New"}
    dates = {"effective_from": begins.isoformat(), "renew_by": ends.isoformat()}
    assert await seed.seed(settings, json.dumps([{**policy, **dates}]).encode()) == 1
    return ends


async def announce(database: Database, settings: Settings) -> int:
    async with database.transaction() as session:
        return await renewals.announce_ends(session, settings=settings)
