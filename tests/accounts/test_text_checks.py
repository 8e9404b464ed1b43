"""Texts that others see: WeChat says whether they are harmless, an operator decides where it is not sure."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_wechat.state import FakeWechat, Fault
from services.accounts.quotas.errors import QuotaExceeded
from services.accounts.text_checks import service
from services.accounts.text_checks.errors import TextRisky, TextUnderReview
from services.accounts.wechat.errors import WxAskLater, WxLogInAgain
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, Person, code_of
from tests.tokens import TokenFactory

CHECK = "/wxa/msg_sec_check"
Check: TypeAlias = Callable[[Person, str], Awaitable[None]]


@pytest.fixture
def check(database: Database, app: FastAPI) -> Check:
    async def run(person: Person, text: str) -> None:
        resources = app.state.resources
        await service.require_harmless(
            database,
            wechat=resources.wechat,
            vault=resources.vault,
            user_id=person.user_id,
            kind="household_name",
            text=text,
        )

    return run


async def decide(client: httpx.AsyncClient, tokens: TokenFactory, *, allow: bool) -> httpx.Response:
    headers = tokens.operator("ops:read ops:accounts")
    [waiting] = (await client.get(f"{BASE}/ops/texts", headers=headers)).json()["items"]
    body = {"allow": allow, "reason": "看过，可以使用"}
    return await client.post(f"{BASE}/ops/texts/{waiting['check_id']}/decision", headers=headers, json=body)


async def test_a_harmless_text_may_be_used_and_leaves_no_row(people: People, check: Check, db: Db) -> None:
    await check(await people.new("anna"), "武昌一家人")
    assert await db.fetchval("SELECT count(*) FROM accounts.text_check") == 0


async def test_a_risky_text_is_refused(people: People, check: Check, db: Db) -> None:
    with pytest.raises(TextRisky):
        await check(await people.new("anna"), "违禁的名字")
    assert await db.fetchval("SELECT count(*) FROM accounts.text_check") == 0


async def test_a_doubtful_text_waits_for_an_operator_who_allows_it(
    people: People, check: Check, client: httpx.AsyncClient, tokens: TokenFactory, fake: FakeWechat, db: Db
) -> None:
    anna, ben = await people.new("anna"), await people.new("ben")
    for _ in range(2):
        with pytest.raises(TextUnderReview):
            await check(anna, "待审的名字")
    assert fake.calls[CHECK] == 1, "a text that waits is not asked for again"
    assert (await decide(client, tokens, allow=True)).status_code == 204
    await check(anna, "待审的名字")
    assert fake.calls[CHECK] == 1
    with pytest.raises(TextUnderReview):
        await check(ben, "待审的名字")  # the decision is about this person's text
    [entry] = await db.fetch("SELECT action, reason, object FROM accounts.audit_log")
    assert entry["action"] == "text.allow"
    assert "待审" not in entry["object"]


async def test_a_text_that_an_operator_refused_stays_refused(
    people: People, check: Check, client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    anna = await people.new("anna")
    with pytest.raises(TextUnderReview):
        await check(anna, "待审的名字")
    assert (await decide(client, tokens, allow=False)).status_code == 204
    with pytest.raises(TextRisky):
        await check(anna, "待审的名字")


async def test_five_copies_of_a_doubtful_text_wait_once(people: People, check: Check, db: Db) -> None:
    anna = await people.new("anna")
    results = await asyncio.gather(*(check(anna, "待审的名字") for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, TextUnderReview) for one in results)
    assert await db.fetchval("SELECT count(*) FROM accounts.text_check") == 1


async def test_nothing_unchecked_is_taken_while_wechat_is_away_or_lying(
    people: People, check: Check, fake: FakeWechat
) -> None:
    anna = await people.new("anna")
    for fault in (
        Fault(CHECK, raw="<html>"),
        Fault(CHECK, raw='{"errcode": 0}'),
        Fault(CHECK, raw='{"errcode": 0, "result": {"suggest": "fine", "label": 100}}'),
        Fault(CHECK, errcode=-1),
        Fault(CHECK, errcode=45009),
        Fault(CHECK, status=502, raw="bad gateway"),
    ):
        fake.faults.append(fault)
        with pytest.raises(WxAskLater):
            await check(anna, "武昌一家人")


async def test_a_person_whom_wechat_has_not_seen_lately_logs_in_again(
    people: People, check: Check, fake: FakeWechat
) -> None:
    anna = await people.new("anna")
    fake.user("anna").seen_at_s = 0
    with pytest.raises(WxLogInAgain):
        await check(anna, "武昌一家人")


async def test_checks_of_a_person_are_limited(people: People, check: Check) -> None:
    anna = await people.new("anna")
    for _ in range(30):
        await check(anna, "武昌一家人")
    with pytest.raises(QuotaExceeded):
        await check(anna, "武昌一家人")


async def test_texts_are_sealed_and_not_logged_and_go_with_the_person(
    people: People, check: Check, app: FastAPI, database: Database, db: Db, logs: io.StringIO
) -> None:
    anna = await people.new("anna")
    with pytest.raises(TextUnderReview):
        await check(anna, "待审 canary-text")
    assert "canary-text" not in logs.getvalue()
    assert "canary-text" not in str(await db.fetch("SELECT t::text FROM accounts.text_check t"))
    async with database.transaction() as session:
        [one] = await service.export_user(session, vault=app.state.resources.vault, user_id=anna.user_id)
        await service.erase_user(session, user_id=anna.user_id)
    assert one["text"] == "待审 canary-text"
    assert await db.fetchval("SELECT count(*) FROM accounts.text_check") == 0


async def test_only_the_service_desk_reads_and_decides(client: httpx.AsyncClient, tokens: TokenFactory) -> None:
    check_id = "0192f7a0-0000-7000-8000-000000000000"
    decision = {"allow": True, "reason": "看过，可以"}
    for headers, status in (({}, 401), (tokens.operator("ops:read"), 403)):
        assert (await client.get(f"{BASE}/ops/texts", headers=headers)).status_code == status
        answer = await client.post(f"{BASE}/ops/texts/{check_id}/decision", headers=headers, json=decision)
        assert answer.status_code == status
    desk = tokens.operator("ops:read ops:accounts")
    unknown = await client.post(f"{BASE}/ops/texts/{check_id}/decision", headers=desk, json=decision)
    assert code_of(unknown) == (404, "TEXT_CHECK_NOT_FOUND")
