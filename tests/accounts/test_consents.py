"""Consents per partner and purpose: ends, renewal, history, publication. Through HTTP on PostgreSQL."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts import seed
from services.accounts.consents import service as consents_service
from services.accounts.consents.domain import binding_end
from services.accounts.people import renewals
from services.accounts.policies.domain import FAMILIES, PolicyDates, end_of_consent, families_of
from services.accounts.policies.service import RENEWAL_NOTICE_MIN, PolicyNoticeTooShort
from services.accounts.settings import Settings
from services.accounts.users import service as users_service
from shared import clock
from shared.contracts.consents_v1 import ConsentChanged, consent_key
from shared.contracts.identity import person_account_id
from shared.db import Database
from tests.accounts.conftest import BASE, Db, PartnerClient, People, Person, code_of, published
from tests.accounts.fakes import FakeIngest
from tests.cloud_events import read_event

MONTH = timedelta(days=30)


@pytest.fixture(autouse=True)
async def own_policies(db: Db) -> AsyncIterator[None]:
    yield
    await db.execute("DELETE FROM accounts.policy WHERE version LIKE '2027%'")
    await db.execute("UPDATE accounts.policy SET accepted_until = NULL")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings.database_url)
    yield opened
    await opened.stop()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let the service's clock run ahead. Tokens are verified by the real one."""
    real = clock.now
    return lambda ahead: monkeypatch.setattr(clock, "now", lambda: real() + ahead)


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


async def test_a_new_text_ends_older_consents_at_its_date_without_any_job(
    people: People, settings: Settings, db: Db, travel: Callable[[timedelta], None]
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await new_text(settings, "general", renew_in=MONTH)
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is True
    [_, item] = (await anna.call("GET", "/me/consents")).json()["items"]
    assert item["ends_at"] is not None
    travel(MONTH + timedelta(seconds=1))
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is False
    [_, item] = (await anna.call("GET", "/me/consents")).json()["items"]
    assert item["expired_at"] is not None
    assert code_of(await anna.bind("metro")) == (409, "CONSENT_REQUIRED")


async def test_the_end_of_a_text_is_in_the_projections_in_advance(
    people: People, settings: Settings, database: Database, db: Db, travel: Callable[[timedelta], None]
) -> None:
    anna, bert = await people.new(), await people.new()
    await anna.bind("didi")
    await bert.bind("didi")
    ends = await new_text(settings, "general", renew_in=MONTH)
    assert await announce(database, settings) == 2
    assert await announce(database, settings) == 0
    assert {change.consent_withdrawn_at for change in (await published(db))[-2:]} == {ends}
    told = [one for one in await consents_published(db) if one.ends_at is not None]
    assert [(one.purpose, one.version, one.ends_at) for one in told] == [("data_processing", 2, ends)] * 2
    assert (await give(anna, "data_processing", "2027-01")).status_code == 201
    renewed = (await published(db))[-1]
    assert (renewed.user_id, renewed.version, renewed.consent_withdrawn_at) == (anna.user_id, 3, None)
    travel(MONTH + timedelta(seconds=1))
    assert code_of(await give(bert, "data_processing", "2026-11")) == (422, "POLICY_VERSION_OUTDATED")
    assert (await give(bert, "data_processing", "2027-01")).status_code == 201
    ended, successor = (await published(db))[-2:]
    assert (ended.user_id, ended.status, ended.ended_at) == (bert.user_id, "ended", ends)
    assert successor.counts_from > ends
    changes = [(purpose, change, by) for purpose, change, by, _ in await history(bert)]
    assert changes[:2] == [("data_processing", "given", "self"), ("data_processing", "expired", "policy")]


async def test_expiry_is_recorded_at_its_moment_however_late_the_job_runs(
    people: People, settings: Settings, database: Database, db: Db, travel: Callable[[timedelta], None]
) -> None:
    anna = await people.new()
    ends = await new_text(settings, "general", renew_in=MONTH)
    await announce(database, settings)
    travel(MONTH + timedelta(days=2))
    for _ in range(2):
        async with database.transaction() as session:
            await renewals.record_expired(session)
    rows = await db.fetch("SELECT at FROM accounts.consent_change WHERE change = 'expired'")
    assert [row["at"] for row in rows] == [ends]
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is False


async def test_a_partners_own_text_ends_consents_to_the_general_one_for_this_partner_only(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await anna.bind("metro")
    ends = await new_text(settings, "partner:didi", renew_in=MONTH)
    assert await announce(database, settings) == 1
    changed = (await published(db))[-1]
    assert (changed.partner_id, changed.consent_withdrawn_at) == ("didi", ends)
    assert code_of(await give(anna, "partner:didi", "2026-11")) == (422, "POLICY_VERSION_UNKNOWN")
    assert (await give(anna, "partner:didi", "2027-01")).status_code == 201
    assert (await published(db))[-1].consent_withdrawn_at is None
    assert (await give(anna, "partner:metro", "2026-11")).status_code == 201


async def test_a_binding_made_in_the_warning_period_ends_with_its_consent(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna = await people.new()
    ends = await new_text(settings, "general", renew_in=MONTH)
    await anna.bind("didi")
    assert (await published(db))[-1].consent_withdrawn_at == ends


async def test_consents_do_not_end_without_notice(settings: Settings) -> None:
    begins = clock.now() - MONTH
    policy = {"version": "2027-01", "title_zh": "新", "title_en": "New", "effective_from": begins.isoformat()}
    soon = (begins + RENEWAL_NOTICE_MIN).isoformat()
    with pytest.raises(PolicyNoticeTooShort):
        await seed.seed(settings, json.dumps([{**policy, "renew_by": soon}]).encode())


async def test_an_announced_end_does_not_move_forward(settings: Settings) -> None:
    await new_text(settings, "messages", renew_in=2 * MONTH)
    with pytest.raises(PolicyNoticeTooShort):
        await new_text(settings, "messages", renew_in=MONTH, version="2027-02")


async def test_the_texts_of_the_repository_are_those_of_the_migration(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    assert await seed.seed(settings, seed.OWN_FILE.read_bytes()) == 0
    items = (await client.get(f"{BASE}/policies")).json()["items"]
    assert {item["family"] for item in items} == set(FAMILIES)
    own = (await client.get(f"{BASE}/policies?purpose=partner:didi")).json()["items"]
    assert {item["family"] for item in own} == {"partner_sharing"}


async def test_exporting_and_erasing_a_person_takes_every_consent_of_theirs_only(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    await give(anna, "research")
    await withdraw(anna, "research")
    async with database.transaction() as session:
        exported = await consents_service.export_user(session, user_id=anna.user_id)
        assert [(one["purpose"], one["change"]) for one in exported] == [
            ("data_processing", "given"),
            ("research", "given"),
            ("research", "withdrawn"),
        ]
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


async def test_announcing_does_not_wait_for_a_person_who_is_changing_something(
    people: People, settings: Settings, database: Database
) -> None:
    anna, _bert = await people.new(), await people.new()
    await new_text(settings, "general", renew_in=MONTH)
    async with database.transaction() as busy:
        await users_service.lock_user(busy, user_id=anna.user_id)
        assert await announce(database, settings) == 1
    assert await announce(database, settings) == 1


def _policy(family: str, number: int, begins: int, renew: int | None) -> PolicyDates:
    at = datetime(2026, 1, 1).astimezone()
    return PolicyDates(
        family,
        f"v{number}",
        at + timedelta(days=begins),
        None if renew is None else at + timedelta(days=begins + renew),
    )


TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["partner:didi", "partner:metro", "partner_sharing", "general"]),
        st.integers(0, 100),
        st.none() | st.integers(14, 90),
    ),
    max_size=12,
)


@given(TEXTS)
def test_consent_ends_by_the_first_later_text_and_never_before_it_begins(texts: list[Any]) -> None:
    published_ = [_policy(family, n, begins, renew) for n, (family, begins, renew) in enumerate(texts)]
    for text in published_:
        if text.family not in families_of("partner:didi"):
            continue
        end = end_of_consent(published_, purpose="partner:didi", family=text.family, version=text.version)
        later = [
            one
            for one in published_
            if one.family in families_of("partner:didi")
            and one.renew_by is not None
            and (one.family != text.family or one.effective_from > text.effective_from)
            and not (text.family == "partner:didi" and one.family == "partner_sharing")
        ]
        assert end == min((one.renew_by for one in later if one.renew_by), default=None)


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
