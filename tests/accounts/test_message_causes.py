"""What happens to an account leads to one message for people who asked for it, and to none for others."""

import io
import json
import uuid
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from services.accounts import decoders
from services.accounts.exports import service as exports
from services.accounts.exports.client import RowsReader
from services.accounts.messages import freezing
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.freezes_v1 import FreezeChanged
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, Person
from tests.accounts.consenting import announce, new_text
from tests.accounts.subscribers import subscriber
from tests.accounts.test_households import invite, join, leave, open_household
from tests.accounts.test_partner_confirmations import PARTNER, pending, signed
from tests.tokens import SERVICE_KEYS, TokenFactory

EMPTY_PAGE: dict[str, object] = {"rows": [], "titles": {}, "after": None}


@pytest.fixture
async def own_policies(db: Db) -> AsyncIterator[None]:
    yield
    await db.execute("DELETE FROM accounts.policy WHERE version LIKE '2027%'")
    await db.execute("UPDATE accounts.policy SET accepted_until = NULL")


@pytest.fixture
async def reader() -> AsyncIterator[RowsReader]:
    empty = httpx.MockTransport(lambda request: httpx.Response(200, json=EMPTY_PAGE))
    names = ("accounting", "rewards", "ingest")
    made = RowsReader(
        base_urls={name: f"http://{name}.test" for name in names},
        service_key=SecretStr(SERVICE_KEYS["accounts"]),
        transports=dict.fromkeys(names, empty),
    )
    yield made
    await made.stop()


async def queued(db: Db) -> list[tuple[str, dict[str, str]]]:
    rows = await db.fetch("SELECT kind, texts FROM accounts.message ORDER BY message_id")
    return [(row["kind"], json.loads(row["texts"])) for row in rows]


async def test_a_partner_that_refuses_a_binding_causes_one_message(
    people: People, client: httpx.AsyncClient, db: Db
) -> None:
    anna, ben = await subscriber(people, "anna", times=2, kind="binding_ended"), await people.new()
    for person in (anna, ben):
        waiting = await pending(person)
        for _ in range(2):  # the partner repeats itself
            await signed(client, "POST", f"{PARTNER}/{waiting['binding_id']}/refuse")
    [(kind, texts)] = await queued(db)
    assert (kind, texts["partner"]) == ("binding_ended", "meter 公司"), "the name, not the id"


async def test_a_binding_that_its_person_ends_causes_no_message(people: People, db: Db) -> None:
    anna = await subscriber(people, "anna", kind="binding_ended")
    bound = await anna.bind("didi")
    assert (await anna.unbind(bound.json()["binding_id"])).status_code == 204
    assert await queued(db) == []


async def test_a_text_that_replaces_another_causes_one_message(
    people: People, settings: Settings, database: Database, db: Db, own_policies: None
) -> None:
    await subscriber(people, "anna", times=5, kind="consent_expiring")
    await people.new()
    ends = await new_text(settings, "general", renew_in=timedelta(days=30))
    assert await announce(database, settings) == 2
    assert await announce(database, settings) == 0
    found = await queued(db)
    assert ("consent_expiring", "个人信息处理规则") in [(kind, texts["what"]) for kind, texts in found]
    assert len({texts["what"] for _, texts in found}) == len(found)
    local = ends.astimezone(clock.now().astimezone().tzinfo)
    assert all(texts["on"].startswith(f"{local.year}年") for _, texts in found)


async def test_an_export_that_is_ready_causes_one_message(
    people: People, app: FastAPI, settings: Settings, reader: RowsReader, db: Db
) -> None:
    anna, ben = await subscriber(people, "anna", times=2, kind="export_ready"), await people.new()
    resources = app.state.resources
    for person in (anna, ben):
        assert (await person.call("POST", "/me/export")).status_code == 202
    while await exports.build_next(resources.database, settings=settings, vault=resources.vault, reader=reader):
        pass
    [(kind, texts)] = await queued(db)
    assert (kind, texts["state"]) == ("export_ready", "可下载")


async def test_a_planned_erasure_causes_one_message(people: People, db: Db) -> None:
    anna, ben = await subscriber(people, "anna", times=2, kind="erasure_planned"), await people.new()
    for person in (anna, ben, anna):
        await person.step_up()
        assert (await person.call("DELETE", "/me")).status_code == 202
    [(kind, _)] = await queued(db)
    assert kind == "erasure_planned"


async def test_each_look_up_by_an_operator_causes_a_message(
    people: People, client: httpx.AsyncClient, tokens: TokenFactory, db: Db
) -> None:
    anna, ben = await subscriber(people, "anna", times=2, kind="looked_up"), await people.new()
    for person in (anna, ben, anna, anna):
        path = f"{BASE}/ops/accounts/{person.account['account_no']}?reason=ticket 42&reason_kind=help"
        assert (await client.get(path, headers=tokens.operator(subject="mr-wang"))).status_code == 200
    found = await queued(db)
    assert [kind for kind, _ in found] == ["looked_up"] * 2, "as many as were accepted"
    assert "mr-wang" not in str(found)


def change(person: Person, *, frozen: bool, minute: int = 0) -> FreezeChanged:
    return FreezeChanged(
        account_id=uuid.UUID(person.account["account_id"]),
        frozen=frozen,
        reason="partner_report" if frozen else None,
        changed_at=datetime(2026, 11, 27, 8, minute, tzinfo=UTC),
    )


async def take(database: Database, *changes: FreezeChanged) -> None:
    records: Any = [(None, decoders.FREEZES.decode(msgspec.json.encode(one))) for one in changes]
    async with database.transaction() as session:
        await freezing.handle_freezes(session, records)


async def test_a_freeze_is_told_once_with_the_way_to_ask_and_is_in_the_export(
    people: People, app: FastAPI, settings: Settings, database: Database, reader: RowsReader, db: Db
) -> None:
    anna, ben = await subscriber(people, "anna", times=3, kind="account_frozen"), await people.new()
    stranger = FreezeChanged(account_id=uuid.uuid4(), frozen=True, reason=None, changed_at=clock.now())
    await take(database, change(anna, frozen=True), change(ben, frozen=True), stranger)
    await take(database, change(anna, frozen=True))  # the topic repeats itself
    [(kind, texts)] = await queued(db)
    expected = {"state": "已冻结", "at": "2026年11月27日 16:00", "hint": "点开即可提问，客服会答复"}
    assert (kind, texts) == ("account_frozen", expected)
    export_id = (await anna.call("POST", "/me/export")).json()["export_id"]
    resources = app.state.resources
    assert await exports.build_next(resources.database, settings=settings, vault=resources.vault, reader=reader)
    ready = await anna.call("GET", f"/me/export/{export_id}")
    content = json.loads(zipfile.ZipFile(io.BytesIO(ready.content)).read("accounts.json"))
    assert [one["texts"] for one in content["message"]] == [expected]


async def test_a_freeze_that_has_ended_meanwhile_is_not_told_and_the_next_one_is(
    people: People, database: Database, db: Db
) -> None:
    anna = await subscriber(people, "anna", times=3, kind="account_frozen")
    await take(database, change(anna, frozen=True), change(anna, frozen=False, minute=5))
    assert await queued(db) == []
    await take(database, change(anna, frozen=True, minute=10))
    await take(database, change(anna, frozen=False, minute=15), change(anna, frozen=True, minute=20))
    assert len(await queued(db)) == 2, "each freeze once"


async def test_a_member_who_is_removed_from_a_household_gets_one_message(people: People, db: Db) -> None:
    owner = await people.new()
    removed = await subscriber(people, "anna", times=2, kind="household_stay_ended")
    leaver = await subscriber(people, "ben", kind="household_stay_ended")
    home = (await open_household(owner))["household_id"]
    for person in (removed, leaver):
        assert (await join(person, await invite(owner, home))).status_code == 201
    assert (await leave(leaver, home)).status_code == 204
    shown = (await owner.call("GET", "/me")).json()["household"]["people"]
    [member_id] = [one["member_id"] for one in shown if not one["me"]]
    for _ in range(2):
        assert (await owner.call("DELETE", f"/households/{home}/members/{member_id}")).status_code == 204
    [(kind, texts)] = await queued(db)
    assert (kind, texts["state"]) == ("household_stay_ended", "已移出")
