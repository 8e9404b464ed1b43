"""Mandates for pooling: terms by two members of a platform, accepted by hash, ended by the citizen, notice or time."""

import asyncio
import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.accounts.mandates import service
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.mandates_v1 import MandateChanged
from shared.db import Database
from tests.accounts.conftest import Db, People, Person, code_of
from tests.accounts.enterprises import BECAUSE, Operators, held, holdings, join, opened
from tests.accounts.test_guardians import guarded
from tests.cloud_events import read_event
from tests.tokens import TokenFactory

TEXT = "我同意把公交、地铁出行的减碳量交由江城出行归集，换取等值权益。"
SHA = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


def terms(**changes: Any) -> dict[str, Any]:
    return {"kind": "benefit", "scenes": ["bus", "metro"], "terms_version": "2026-11", "text": TEXT, **changes}


class Platform:
    """An enterprise that pools, with an administrator, a maker and a checker."""

    def __init__(self, enterprise_id: str, admin: Person, maker: Person, checker: Person) -> None:
        self.enterprise_id, self.admin, self.maker, self.checker = enterprise_id, admin, maker, checker
        self.root = f"/enterprises/{enterprise_id}/mandate-terms"

    async def publish(self, **changes: Any) -> str:
        written = await self.maker.call("POST", self.root, json=terms(**changes))
        assert written.status_code == 201, written.text
        terms_id = str(written.json()["terms_id"])
        published = await self.checker.call("POST", f"{self.root}/{terms_id}/publish")
        assert published.status_code == 200, published.text
        return terms_id

    def mandate(self, **changes: Any) -> dict[str, Any]:
        body = {"platform_id": self.enterprise_id, "kind": "benefit", "scenes": ["bus"]}
        return {**body, "terms_version": "2026-11", "terms_sha256": SHA, **changes}


@pytest.fixture
async def platform(people: People, operators: Operators) -> Platform:
    admin, maker, checker = [await people.new() for _ in range(3)]
    enterprise_id = await opened(admin, operators, kinds=["pool_owner"])
    await join(admin, maker, enterprise_id, "maker", "checker")
    await join(admin, checker, enterprise_id, "checker")
    return Platform(enterprise_id, admin, maker, checker)


async def facts(db: Db) -> list[MandateChanged]:
    found: list[MandateChanged] = []
    rows = await db.fetch("SELECT records FROM accounts.outbox WHERE topic = 'accounts.mandates.v1' ORDER BY id")
    for row in rows:
        for key, value, headers in msgspec.msgpack.decode(row["records"]):
            if value is None:  # forgotten: the last record of its key
                assert any(key == str(fact.mandate_id).encode() for fact in found)
                continue
            read_event("accounts.mandates.v1", key, value, headers)
            fact = msgspec.json.decode(value, type=MandateChanged)
            assert key == str(fact.mandate_id).encode()
            found.append(fact)
    return found


async def test_a_mandate_is_given_by_the_hash_of_the_text_and_ended_at_once(
    people: People, platform: Platform, db: Db
) -> None:
    terms_id = await platform.publish(valid_days=365, threshold_mg=10_000_000)
    anna = await people.new()
    (listed,) = (await anna.call("GET", "/mandate-terms")).json()["items"]
    assert (listed["terms_id"], listed["terms_sha256"], listed["status"]) == (terms_id, SHA, "published")
    shown = await anna.call("GET", f"/mandate-terms/{terms_id}")
    assert hashlib.sha256(shown.json()["text"].encode()).hexdigest() == SHA
    given = await anna.call("POST", "/me/mandates", json=platform.mandate())
    assert given.status_code == 201
    assert (given.json()["status"], given.json()["threshold_mg"]) == ("active", 10_000_000)
    again = await anna.call("POST", "/me/mandates", json=platform.mandate())
    assert (again.status_code, again.json()) == (200, given.json())
    other = await anna.call("POST", "/me/mandates", json=platform.mandate(scenes=["metro"]))
    assert code_of(other) == (409, "MANDATE_EXISTS")
    (fact,) = await facts(db)
    assert fact.account_id == uuid.UUID(anna.account["account_id"])
    assert (fact.scenes, fact.threshold_mg, fact.version) == (("bus",), 10_000_000, 1)
    assert fact.until is not None
    assert fact.until - fact.accepted_at == timedelta(days=365)
    before = clock.now()
    for _ in range(2):  # a lost answer
        assert (await anna.call("DELETE", f"/me/mandates/{given.json()['mandate_id']}")).status_code == 204
    first, ended = await facts(db)
    assert (ended.version, ended.mandate_id) == (2, first.mandate_id)
    assert ended.until is not None
    assert before <= ended.until <= clock.now()
    (mine,) = (await anna.call("GET", "/me/mandates")).json()["items"]
    assert (mine["status"], mine["end_reason"]) == ("ended", "citizen")
    assert (await anna.call("POST", "/me/mandates", json=platform.mandate())).status_code == 201


async def test_terms_need_a_maker_and_another_checker(people: People, platform: Platform) -> None:
    written = await platform.maker.call("POST", platform.root, json=terms())
    terms_id = written.json()["terms_id"]
    assert (written.status_code, written.json()["terms_sha256"]) == (201, SHA)
    again = await platform.maker.call("POST", platform.root, json=terms())
    assert again.json() == written.json()
    assert code_of(await platform.maker.call("POST", platform.root, json=terms(text=TEXT + "！"))) == (
        409,
        "TERMS_EXIST",
    )
    publish = f"{platform.root}/{terms_id}/publish"
    assert code_of(await platform.maker.call("POST", publish)) == (409, "MAKER_MAY_NOT_CHECK")
    assert code_of(await platform.admin.call("POST", publish)) == (403, "ENTERPRISE_ROLE_REQUIRED")
    assert code_of(await platform.checker.call("POST", platform.root, json=terms())) == (
        403,
        "ENTERPRISE_ROLE_REQUIRED",
    )
    anna = await people.new()
    assert code_of(await anna.call("POST", "/me/mandates", json=platform.mandate())) == (409, "TERMS_OUTDATED")
    assert code_of(await anna.call("GET", f"/mandate-terms/{terms_id}")) == (404, "TERMS_NOT_FOUND")
    assert (await platform.checker.call("POST", publish)).json()["status"] == "published"
    assert (await anna.call("POST", "/me/mandates", json=platform.mandate())).status_code == 201


async def test_what_the_citizen_did_not_read_is_not_accepted(people: People, platform: Platform) -> None:
    await platform.publish()
    anna = await people.new()
    for wrong in ({"terms_sha256": "0" * 64}, {"terms_version": "2026-10"}, {"kind": "agency"}):
        assert code_of(await anna.call("POST", "/me/mandates", json=platform.mandate(**wrong))) == (
            409,
            "TERMS_OUTDATED",
        )
    more = await anna.call("POST", "/me/mandates", json=platform.mandate(scenes=["bus", "bike"]))
    assert (code_of(more), more.json()["errors"][0]["code"]) == ((422, "INVALID_REQUEST"), "SCENE_NOT_OFFERED")
    newer = TEXT + "（修订）"
    await platform.publish(terms_version="2026-12", text=newer)
    refused = await anna.call("POST", "/me/mandates", json=platform.mandate())
    assert code_of(refused) == (409, "TERMS_OUTDATED")
    assert refused.json()["current_version"] == "2026-12"
    sha = hashlib.sha256(newer.encode()).hexdigest()
    given = await anna.call("POST", "/me/mandates", json=platform.mandate(terms_version="2026-12", terms_sha256=sha))
    assert given.status_code == 201


async def test_mandates_are_for_active_platforms_and_people_with_an_account(
    people: People, operators: Operators, platform: Platform
) -> None:
    await platform.publish()
    venue = await opened(platform.admin, operators)
    anna = await people.new()
    for unknown in (venue, str(uuid.uuid4())):
        assert code_of(await anna.call("POST", "/me/mandates", json=platform.mandate(platform_id=unknown))) == (
            409,
            "NOT_A_PLATFORM",
        )
    without = await people.new(with_account=False)
    assert code_of(await without.call("POST", "/me/mandates", json=platform.mandate())) == (
        409,
        "CARBON_ACCOUNT_NOT_OPENED",
    )
    await anna.call("DELETE", "/me/consents?purpose=data_processing")
    assert code_of(await anna.call("POST", "/me/mandates", json=platform.mandate())) == (409, "CONSENT_REQUIRED")
    bert = await people.new()
    await operators.suspend(platform.enterprise_id)
    assert code_of(await bert.call("POST", "/me/mandates", json=platform.mandate())) == (409, "ENTERPRISE_SUSPENDED")
    assert code_of(await platform.maker.call("POST", platform.root, json=terms(terms_version="x"))) == (
        409,
        "ENTERPRISE_SUSPENDED",
    )


async def test_of_many_acceptances_at_once_one_counts(people: People, platform: Platform, db: Db) -> None:
    await platform.publish()
    anna = await people.new()
    answers = await asyncio.gather(*(anna.call("POST", "/me/mandates", json=platform.mandate()) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["mandate_id"] for answer in answers}) == 1
    assert len(await facts(db)) == 1


async def test_another_persons_mandate_cannot_be_ended(people: People, platform: Platform, db: Db) -> None:
    await platform.publish()
    anna, bert = await people.new(), await people.new()
    given = (await anna.call("POST", "/me/mandates", json=platform.mandate())).json()
    for person in (bert, platform.admin, platform.checker):
        assert code_of(await person.call("DELETE", f"/me/mandates/{given['mandate_id']}")) == (
            404,
            "MANDATE_NOT_FOUND",
        )
    assert len(await facts(db)) == 1


async def run_job(settings: Settings) -> None:
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await service.end_with_terms(session, settings=settings)
    await database.stop()


async def test_a_platform_ends_its_terms_with_notice(
    people: People, platform: Platform, db: Db, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms_id = await platform.publish()
    crowd = [await people.new() for _ in range(3)]
    for person in crowd:
        assert (await person.call("POST", "/me/mandates", json=platform.mandate())).status_code == 201
    end = f"{platform.root}/{terms_id}/end"
    soon = (clock.now() + timedelta(days=29)).isoformat()
    refused = await platform.checker.call("POST", end, json={"ends_at": soon})
    assert code_of(refused) == (409, "NOTICE_TOO_SHORT")
    assert datetime.fromisoformat(refused.json()["earliest"]) > clock.now() + timedelta(days=29)
    ends_at = clock.now() + timedelta(days=31)
    maker = await platform.admin.call("POST", end, json={"ends_at": ends_at.isoformat()})
    assert code_of(maker) == (403, "ENTERPRISE_ROLE_REQUIRED")
    ended = await platform.checker.call("POST", end, json={"ends_at": ends_at.isoformat()})
    assert ended.json()["status"] == "ended"
    late = await people.new()
    assert code_of(await late.call("POST", "/me/mandates", json=platform.mandate())) == (409, "TERMS_OUTDATED")
    monkeypatch.setattr(service, "ENDED_AT_ONCE", 2)  # three mandates are two rounds
    for _ in range(3):
        await run_job(settings)
    told = [fact for fact in await facts(db) if fact.version == 2]
    assert len(told) == 3
    assert {fact.until for fact in told} == {ends_at}
    (mine,) = (await crowd[0].call("GET", "/me/mandates")).json()["items"]
    assert (mine["status"], mine["end_reason"]) == ("active", "platform")  # still valid until then
    assert (await crowd[0].call("DELETE", f"/me/mandates/{mine['mandate_id']}")).status_code == 204
    last = (await facts(db))[-1]
    assert last.until is not None
    assert last.until < ends_at


async def test_an_expired_mandate_makes_room_for_a_new_one(people: People, platform: Platform, db: Db) -> None:
    await platform.publish(valid_days=1)
    anna = await people.new()
    assert (await anna.call("POST", "/me/mandates", json=platform.mandate())).status_code == 201
    await db.execute("UPDATE accounts.mandate SET accepted_at = accepted_at - interval '2 days',"
                     " until = until - interval '2 days'")  # fmt: skip
    (mine,) = (await anna.call("GET", "/me/mandates")).json()["items"]
    assert (mine["status"], mine["end_reason"]) == ("ended", "expiry")
    assert (await anna.call("POST", "/me/mandates", json=platform.mandate())).status_code == 201
    assert [fact.version for fact in await facts(db)] == [1, 1]


async def test_an_enterprise_with_mandates_is_not_empty_and_erasure_ends_them(
    people: People, operators: Operators, platform: Platform, db: Db, settings: Settings
) -> None:
    await platform.publish()
    anna = await people.new()
    await anna.call("POST", "/me/mandates", json=platform.mandate())
    database = Database(settings.database_url)
    async with database.transaction() as session:
        assert await service.count_of_platform(session, platform_id=uuid.UUID(platform.enterprise_id)) == 1
        await service.erase_user(session, settings=settings, user_id=anna.user_id)
        assert await service.count_of_platform(session, platform_id=uuid.UUID(platform.enterprise_id)) == 0
    await database.stop()
    assert [fact.until is not None for fact in await facts(db)] == [False, True]
    assert await db.fetchval("SELECT end_reason FROM accounts.mandate") == "erasure"


async def test_a_platform_that_closes_while_people_accept_keeps_no_mandate(
    people: People, operators: Operators, platform: Platform, app: FastAPI, db: Db
) -> None:
    await platform.publish()
    holdings(app, held(platform.enterprise_id))
    crowd = [await people.new() for _ in range(4)]
    close = operators.call("POST", f"/enterprises/{platform.enterprise_id}/close", json=BECAUSE)
    answers = await asyncio.gather(
        close, *(person.call("POST", "/me/mandates", json=platform.mandate()) for person in crowd)
    )
    closed = answers[0].status_code == 200
    given = sum(answer.status_code == 201 for answer in answers[1:])
    assert closed == (given == 0)
    assert await db.fetchval("SELECT count(*) FROM accounts.mandate") == given


async def test_who_accepts_a_mandate_while_being_invited_waits_for_nobody_forever(
    people: People, platform: Platform
) -> None:
    """The inviter holds the enterprise and refers to the person, the person holds the own row and waits for it."""
    await platform.publish()
    await platform.admin.step_up()
    members = f"/enterprises/{platform.enterprise_id}/members"
    for _ in range(8):
        anna = await people.new()
        body = {"account_no": anna.account["account_no"], "roles": ["viewer"]}
        answers = await asyncio.gather(
            platform.admin.call("POST", members, json=body),
            anna.call("POST", "/me/mandates", json=platform.mandate()),
            anna.call("POST", f"/me/enterprises/{platform.enterprise_id}/accept"),
        )
        assert [answer.status_code for answer in answers[:2]] == [201, 201]
        assert answers[2].status_code in {204, 404}


async def test_a_person_under_14_gives_no_mandate_also_with_a_guardian(
    people: People, platform: Platform, db: Db
) -> None:
    await platform.publish()
    child, _, _ = await guarded(people)
    assert code_of(await child.call("POST", "/me/mandates", json=platform.mandate())) == (403, "GUARDIAN_REQUIRED")
    assert await db.fetchval("SELECT count(*) FROM accounts.mandate") == 0
