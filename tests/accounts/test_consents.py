"""Consents per partner and purpose: giving, withdrawing, history, publication. Through HTTP on PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.accounts.consents import service as consents_service
from services.accounts.consents.domain import binding_end
from services.accounts.settings import Settings
from shared.contracts.consents_v1 import consent_key
from shared.contracts.identity import person_account_id
from shared.db import Database
from tests.accounts.conftest import Db, PartnerClient, People, code_of, published
from tests.accounts.consenting import consents_published, give, history, withdraw
from tests.accounts.fakes import FakeIngest


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings.database_url)
    yield opened
    await opened.stop()


async def test_binding_a_partner_is_consent_to_this_partner(people: People, db: Db) -> None:
    anna = await people.new()
    body = {"partner_id": "didi", "mode": "account_no", "consent": {"policy_version": "2026-11"}}
    assert (await anna.call("POST", "/me/bindings", json=body)).status_code == 201
    assert (await anna.bind("metro")).status_code == 201
    items = (await anna.call("GET", "/me/consents")).json()["items"]
    assert [item["purpose"] for item in items] == ["partner:metro", "partner:didi", "data_processing"]
    assert (await history(anna))[0] == ("partner:metro", "given", "self", "binding")
    records = await consents_published(db)
    assert [(one.purpose, one.version, one.ends_at) for one in records] == [
        ("data_processing", 1, None),
        ("partner:didi", 1, None),
        ("partner:metro", 1, None),
    ]
    assert {one.account_id for one in records} == {person_account_id(anna.user_id)}


@pytest.mark.parametrize("version", ["9999-moon", "2026-01"])
async def test_a_binding_with_a_version_of_another_text_is_refused_whole(people: People, db: Db, version: str) -> None:
    anna = await people.new()
    body = {"partner_id": "didi", "mode": "account_no", "consent": {"policy_version": version}}
    assert code_of(await anna.call("POST", "/me/bindings", json=body)) == (422, "POLICY_VERSION_UNKNOWN")
    assert await published(db) == []


async def test_a_partners_confirmation_of_a_token_records_consent(people: People, partners: PartnerClient) -> None:
    anna = await people.new()
    assert (await partners.confirm(await anna.token(partner_id="didi"))).status_code == 201
    assert (await history(anna))[0] == ("partner:didi", "given", "self", "binding")


async def test_withdrawing_one_partners_consent_stops_that_partner_only(people: People, db: Db) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await anna.bind("metro")
    assert (await withdraw(anna, "partner:didi")).status_code == 204
    stopped = (await published(db))[-1]
    assert (stopped.partner_id, stopped.status) == ("didi", "active")
    states = {item["partner_id"]: item for item in (await anna.call("GET", "/me/bindings")).json()["items"]}
    assert states["didi"]["consent_withdrawn_at"] is not None
    assert states["metro"]["consent_withdrawn_at"] is None
    assert (await give(anna, "partner:didi")).status_code == 201
    ended, successor = (await published(db))[-2:]
    assert ended.ended_at == stopped.consent_withdrawn_at
    assert (successor.version, successor.consent_withdrawn_at) == (1, None)
    assert ended.ended_at is not None
    assert successor.counts_from > ended.ended_at


async def test_binding_again_after_a_withdrawal_resumes(people: People, db: Db) -> None:
    anna = await people.new()
    first = (await anna.bind("didi")).json()["binding_id"]
    await withdraw(anna, "partner:didi")
    again = await anna.bind("didi")
    assert again.status_code == 200
    assert again.json()["binding_id"] != first
    assert again.json()["consent_withdrawn_at"] is None


async def test_a_binding_resumes_only_with_every_consent_that_it_needs(people: People, db: Db) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await withdraw(anna, "data_processing")
    first = (await published(db))[-1].consent_withdrawn_at
    await withdraw(anna, "partner:didi")
    await give(anna, "data_processing")
    [item] = (await anna.call("GET", "/me/bindings")).json()["items"]
    assert item["consent_withdrawn_at"] is not None
    await give(anna, "partner:didi")
    ended, successor = (await published(db))[-2:]
    assert (ended.status, ended.ended_at) == ("ended", first)
    assert (successor.status, successor.consent_withdrawn_at) == ("active", None)


async def test_a_pending_binding_stays_pending_when_consent_is_given_again(people: People, db: Db) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await db.execute("UPDATE accounts.binding SET status = 'pending', confirm_before = now() + '1 day'")
    await withdraw(anna, "partner:didi")
    await give(anna, "partner:didi")
    stopped, resumed = (await published(db))[-2:]
    assert (resumed.binding_id, resumed.status, resumed.consent_withdrawn_at) == (stopped.binding_id, "pending", None)
    assert stopped.consent_withdrawn_at is not None
    assert resumed.counts_from > stopped.consent_withdrawn_at


async def test_consent_to_an_unknown_partner_is_refused_and_withdrawing_it_is_not(
    people: People, ingest: FakeIngest, db: Db
) -> None:
    anna = await people.new()
    for number in range(50):
        assert code_of(await give(anna, f"partner:nobody-{number}")) == (404, "PARTNER_NOT_FOUND")
        assert (await withdraw(anna, f"partner:nobody-{number}")).status_code == 204
    await anna.bind("didi")
    ingest.down = True
    assert (await withdraw(anna, "partner:didi")).status_code == 204
    assert await db.fetchval("SELECT count(*) FROM accounts.consent") == 2


@pytest.mark.parametrize(
    "purpose", ["partner:", "partner:a b", "partner:" + "x" * 65, "Partner:didi", "everything", "location ", "general"]
)
async def test_purposes_that_do_not_exist_are_refused(people: People, purpose: str) -> None:
    anna = await people.new(with_account=False)
    assert code_of(await give(anna, purpose)) == (422, "INVALID_REQUEST")
    assert code_of(await withdraw(anna, purpose)) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize("purpose", ["location", "health_steps", "pooling", "rankings", "messages", "research"])
async def test_each_purpose_is_given_and_withdrawn_in_one_request(people: People, db: Db, purpose: str) -> None:
    anna = await people.new(with_account=False)
    assert (await give(anna, purpose)).status_code == 201
    assert (await withdraw(anna, purpose)).status_code == 204
    given_, withdrawn = await consents_published(db)
    assert (given_.version, given_.ends_at) == (1, None)
    assert withdrawn.version == 2
    assert withdrawn.ends_at is not None
    assert not withdrawn.holds_at(withdrawn.ends_at)


async def test_history_names_every_change_in_pages(people: People, settings: Settings) -> None:
    anna = await people.new()
    await give(anna, "messages", "2026-01")
    await give(anna, "messages", "2026-11")
    await withdraw(anna, "messages")
    await withdraw(anna, "messages")
    first = (await anna.call("GET", "/me/consents/history?limit=2")).json()
    assert first["has_more"] is True
    rest = (await anna.call("GET", f"/me/consents/history?cursor={first['next_cursor']}")).json()
    changes = [(item["purpose"], item["change"]) for item in [*first["items"], *rest["items"]]]
    assert changes == [
        ("messages", "withdrawn"),
        ("messages", "renewed"),
        ("messages", "given"),
        ("data_processing", "given"),
    ]
    other = await people.new(with_account=False)
    assert await history(other) == []


async def test_the_service_cannot_rewrite_a_history(people: People, database: Database) -> None:
    await people.new()
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.transaction() as session:
            await session.execute(text("UPDATE accounts.consent_change SET actor = 'guardian'"))


async def test_two_phones_that_withdraw_and_give_at_once_leave_one_state(people: People, db: Db) -> None:
    anna = await people.new()
    await anna.bind("didi")
    calls = [withdraw(anna, "partner:didi") if n % 2 else give(anna, "partner:didi") for n in range(12)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {201, 204}
    live = await db.fetchval(
        "SELECT count(*) FROM accounts.consent WHERE purpose = 'partner:didi' AND ended_at IS NULL"
    )
    bound = await db.fetchval(
        "SELECT count(*) FROM accounts.binding WHERE status = 'active' AND consent_withdrawn_at IS NULL"
    )
    assert live == bound
    records = [one for one in await consents_published(db) if one.purpose == "partner:didi"]
    assert [one.version for one in records] == list(range(1, len(records) + 1))
    spans = await db.fetch(
        "SELECT given_at, ended_at FROM accounts.consent WHERE purpose = 'partner:didi' ORDER BY version"
    )
    assert all(before["ended_at"] <= after["given_at"] for before, after in itertools.pairwise(spans))


async def test_erasing_a_person_takes_every_consent_of_theirs_only(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    await give(anna, "research")
    await withdraw(anna, "research")
    async with database.transaction() as session:
        await consents_service.erase_user(session, settings=settings, user_id=anna.user_id)
    for table in ("consent", "consent_change"):
        rows = await db.fetch(f"SELECT DISTINCT user_id FROM accounts.{table}")
        assert [row["user_id"] for row in rows] == [bert.user_id]
    records = msgspec.msgpack.decode(await db.fetchval("SELECT records FROM accounts.outbox ORDER BY id DESC LIMIT 1"))
    account_id = person_account_id(anna.user_id)
    assert {(key, value) for key, value, _ in records} == {
        (consent_key(account_id, "data_processing"), None),
        (consent_key(account_id, "research"), None),
    }


@given(
    st.dictionaries(
        st.sampled_from(["data_processing", "partner:a", "partner:b", "health_steps"]), st.none() | st.datetimes()
    )
)
def test_a_binding_ends_with_the_first_consent_that_it_needs(ends: dict[str, datetime | None]) -> None:
    assert binding_end(ends, "a") == binding_end(
        {k: v for k, v in ends.items() if k not in {"partner:b", "health_steps"}}, "a"
    )
    alone = [end for purpose in ("data_processing", "partner:a") if (end := ends.get(purpose)) is not None]
    assert binding_end(ends, "a") == min(alone, default=None)
