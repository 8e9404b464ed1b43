"""Members of enterprises: invited with roles, there after accepting, gone at once, never without an administrator."""

import asyncio
import uuid
from datetime import timedelta

import httpx
import pytest

from services.accounts.enterprise_members import service
from services.accounts.enterprise_members.domain import INVITATION_LIFE
from services.accounts.settings import Settings
from services.accounts.vault import Vault
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseMemberChanged
from shared.db import Database
from tests.accounts.conftest import Db, People, Person, code_of
from tests.accounts.enterprises import CONTACT, Operators, application, apply, facts, join, opened
from tests.tokens import TokenFactory

NAME = "李伟-canary"


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


async def invite(admin: Person, enterprise_id: str, account_no: str, *roles: str) -> httpx.Response:
    await admin.step_up()
    body = {"account_no": account_no, "roles": list(roles)}
    return await admin.call("POST", f"/enterprises/{enterprise_id}/members", json=body)


async def test_a_person_becomes_a_member_by_accepting(people: People, operators: Operators, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    body = {"account_no": bert.account["account_no"], "roles": ["checker", "maker"], "name": NAME}
    members = f"/enterprises/{enterprise_id}/members"
    assert code_of(await anna.call("POST", members, json=body)) == (403, "STEP_UP_REQUIRED")
    await anna.step_up()
    invited = await anna.call("POST", members, json=body)
    assert invited.status_code == 201
    assert (invited.json()["status"], invited.json()["roles"]) == ("invited", ["maker", "checker"])
    assert len(await facts(db)) == 2  # an invitation is no fact
    assert code_of(await bert.call("GET", f"/enterprises/{enterprise_id}")) == (404, "ENTERPRISE_NOT_FOUND")
    (mine,) = (await bert.call("GET", "/me/enterprises")).json()["items"]
    assert (mine["membership"], mine["name"], mine["roles"]) == ("invited", "江城会展有限公司", ["maker", "checker"])
    for _ in range(2):  # a lost answer
        assert (await bert.call("POST", f"/me/enterprises/{enterprise_id}/accept")).status_code == 204
    assert (await bert.call("GET", f"/enterprises/{enterprise_id}")).json()["my_roles"] == ["maker", "checker"]
    fact = (await facts(db))[-1]
    assert isinstance(fact, EnterpriseMemberChanged)
    assert (fact.version, fact.roles, fact.until) == (1, ("maker", "checker"), None)
    assert fact.account_id == uuid.UUID(bert.account["account_id"])
    seen = (await bert.call("GET", f"/enterprises/{enterprise_id}/members")).json()["items"]
    assert [(one["name"], one["is_me"], one["account_no"]) for one in seen] == [
        (CONTACT["name"], False, None),
        (NAME, True, None),
    ]
    as_admin = (await anna.call("GET", f"/enterprises/{enterprise_id}/members")).json()["items"]
    assert as_admin[1]["account_no"] == bert.account["account_no"]


async def test_names_are_sealed_and_on_no_topic(people: People, operators: Operators, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    await join(anna, bert, enterprise_id, "viewer", name=NAME)
    for table in ("enterprise", "enterprise_member", "outbox", "audit_log", "approval"):
        text = str(await db.fetch(f"SELECT t::text FROM accounts.{table} t"))
        for canary in (NAME, CONTACT["name"], CONTACT["phone"]):
            assert canary not in text, table
            assert canary.encode().hex() not in text, table


async def test_only_an_administrator_of_an_active_enterprise_invites(people: People, operators: Operators) -> None:
    anna, bert, carl = [await people.new() for _ in range(3)]
    enterprise_id = await apply(anna)
    number = carl.account["account_no"]
    assert code_of(await invite(anna, enterprise_id, number, "viewer")) == (409, "ENTERPRISE_STATE_CONFLICT")
    other = await opened(anna, operators)
    await join(anna, bert, other, "maker", "checker", "viewer")
    assert code_of(await invite(bert, other, number, "viewer")) == (403, "ENTERPRISE_ROLE_REQUIRED")
    assert code_of(await invite(carl, other, number, "admin")) == (404, "ENTERPRISE_NOT_FOUND")
    for wrong in ("WH203947561029", "nonsense", anna.account["account_no"][:-1] + "x"):
        assert code_of(await invite(anna, other, wrong, "viewer")) == (404, "MEMBER_ACCOUNT_NOT_FOUND")
    own = (await anna.call("GET", f"/enterprises/{other}")).json()["account_no"]
    assert code_of(await invite(anna, other, own, "viewer")) == (404, "MEMBER_ACCOUNT_NOT_FOUND")
    for roles in ([], ["owner"], ["maker"] * 5):
        assert code_of(await invite(anna, other, number, *roles)) == (422, "INVALID_REQUEST")


async def test_roles_change_at_once_and_the_last_administrator_stays(
    people: People, operators: Operators, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    leave = f"/me/enterprises/{enterprise_id}"
    assert code_of(await anna.call("DELETE", leave)) == (409, "LAST_ADMIN")
    assert code_of(await invite(anna, enterprise_id, anna.account["account_no"], "viewer")) == (409, "LAST_ADMIN")
    await invite(anna, enterprise_id, bert.account["account_no"], "admin")
    assert code_of(await anna.call("DELETE", leave)) == (409, "LAST_ADMIN")  # an invited one is none yet
    await bert.call("POST", f"/me/enterprises/{enterprise_id}/accept")
    changed = await invite(bert, enterprise_id, anna.account["account_no"], "viewer")
    assert (changed.status_code, changed.json()["roles"]) == (200, ["viewer"])
    assert (await anna.call("DELETE", leave)).status_code == 204
    assert code_of(await anna.call("GET", f"/enterprises/{enterprise_id}")) == (404, "ENTERPRISE_NOT_FOUND")
    of_anna = [
        fact
        for fact in await facts(db)
        if isinstance(fact, EnterpriseMemberChanged) and fact.account_id == uuid.UUID(anna.account["account_id"])
    ]
    assert [(fact.version, fact.roles, fact.until is not None) for fact in of_anna] == [
        (1, ("admin",), False),
        (2, ("viewer",), False),
        (3, ("viewer",), True),
    ]


async def test_two_administrators_who_remove_each_other_at_once_leave_one(
    people: People, operators: Operators, db: Db
) -> None:
    for _ in range(5):
        anna, bert = await people.new(), await people.new()
        enterprise_id = await opened(anna, operators)
        of_bert = await join(anna, bert, enterprise_id, "admin")
        (of_anna,) = [
            one["membership_id"]
            for one in (await anna.call("GET", f"/enterprises/{enterprise_id}/members")).json()["items"]
            if one["is_me"]
        ]
        answers = await asyncio.gather(
            anna.call("DELETE", f"/enterprises/{enterprise_id}/members/{of_bert}"),
            bert.call("DELETE", f"/enterprises/{enterprise_id}/members/{of_anna}"),
            anna.call("DELETE", f"/me/enterprises/{enterprise_id}"),
            bert.call("DELETE", f"/me/enterprises/{enterprise_id}"),
        )
        assert 204 in {answer.status_code for answer in answers}
        left = await db.fetchval(
            "SELECT count(*) FROM accounts.enterprise_member WHERE enterprise_id = $1 AND ended_at IS NULL",
            uuid.UUID(enterprise_id),
        )
        assert left == 1


async def test_a_removed_member_is_a_stranger_with_the_same_token(people: People, operators: Operators) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    membership_id = await join(anna, bert, enterprise_id, "admin")
    remove = f"/enterprises/{enterprise_id}/members/{membership_id}"
    assert (await anna.call("DELETE", remove)).status_code == 204
    assert code_of(await anna.call("DELETE", remove)) == (404, "MEMBER_NOT_FOUND")
    for method, path in (
        ("GET", f"/enterprises/{enterprise_id}"),
        ("GET", f"/enterprises/{enterprise_id}/members"),
        ("GET", f"/enterprise-documents/{enterprise_id}"),
        ("DELETE", f"/me/enterprises/{enterprise_id}"),
        ("POST", f"/me/enterprises/{enterprise_id}/accept"),
    ):
        assert code_of(await bert.call(method, path)) == (404, "ENTERPRISE_NOT_FOUND"), path
    assert (await bert.call("GET", "/me/enterprises")).json()["items"] == []
    await join(anna, bert, enterprise_id, "viewer")  # may be invited again


async def test_a_suspended_enterprise_can_still_remove_somebody(people: People, operators: Operators) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    membership_id = await join(anna, bert, enterprise_id, "admin")
    await operators.suspend(enterprise_id)
    assert (await anna.call("DELETE", f"/enterprises/{enterprise_id}/members/{membership_id}")).status_code == 204


async def test_an_invitation_is_declined_or_expires(
    people: People, operators: Operators, db: Db, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert, carl = [await people.new() for _ in range(3)]
    enterprise_id = await opened(anna, operators)
    for person in (bert, carl):
        assert (await invite(anna, enterprise_id, person.account["account_no"], "maker")).status_code == 201
    assert (await bert.call("DELETE", f"/me/enterprises/{enterprise_id}")).status_code == 204
    assert (await bert.call("GET", "/me/enterprises")).json()["items"] == []
    await db.execute(
        "UPDATE accounts.enterprise_member SET invited_at = $1 WHERE accepted_at IS NULL",
        clock.now() - INVITATION_LIFE - timedelta(seconds=1),
    )
    assert (await carl.call("GET", "/me/enterprises")).json()["items"] == []
    late = await carl.call("POST", f"/me/enterprises/{enterprise_id}/accept")
    assert code_of(late) == (404, "ENTERPRISE_NOT_FOUND")
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await service.end_expired(session, at_most=100)
    await database.stop()
    reasons = await db.fetch("SELECT ended_reason FROM accounts.enterprise_member WHERE ended_at IS NOT NULL")
    assert sorted(row[0] for row in reasons) == ["declined", "expired"]
    assert len(await facts(db)) == 2


async def test_erasing_a_person_ends_the_memberships_and_exporting_shows_them(
    people: People, operators: Operators, db: Db, settings: Settings, vault: Vault
) -> None:
    anna, bert = await people.new(), await people.new()
    enterprise_id = await opened(anna, operators)
    await join(anna, bert, enterprise_id, "maker", name=NAME)
    database = Database(settings.database_url)
    async with database.transaction() as session:
        (exported,) = await service.export_user(session, user_id=bert.user_id, vault=vault)
        assert (exported["name"], exported["roles"]) == (NAME, ["maker"])
        for person in (bert, anna):  # also the last administrator
            await service.erase_user(session, settings=settings, user_id=person.user_id)
    await database.stop()
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_member WHERE name_sealed IS NOT NULL") == 0
    ends = [fact.until for fact in await facts(db) if isinstance(fact, EnterpriseMemberChanged)]
    assert [end is not None for end in ends] == [False, False, True, True]


async def test_a_person_has_a_bounded_number_of_enterprises_and_invitations_crowd_none_out(
    people: People, operators: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ENTERPRISES_MAX", 2)
    anna, bert = await people.new(), await people.new()
    first, second, third = [await opened(person, operators) for person in (anna, anna, bert)]
    assert code_of(await anna.call("POST", "/enterprises", json=application())) == (409, "ENTERPRISES_FULL")
    assert (await invite(bert, third, anna.account["account_no"], "viewer")).status_code == 201
    listed = (await anna.call("GET", "/me/enterprises")).json()["items"]
    assert [one["enterprise_id"] for one in listed] == [second, first]
    accept = f"/me/enterprises/{third}/accept"
    assert code_of(await anna.call("POST", accept)) == (409, "ENTERPRISES_FULL")
    await join(anna, bert, first, "admin")
    assert (await anna.call("DELETE", f"/me/enterprises/{first}")).status_code == 204
    assert (await anna.call("POST", accept)).status_code == 204


async def test_an_enterprise_has_a_bounded_number_of_members(
    people: People, operators: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MEMBERS_MAX", 3)
    anna, *others = [await people.new() for _ in range(6)]
    enterprise_id = await opened(anna, operators)
    await anna.step_up()
    members = f"/enterprises/{enterprise_id}/members"
    bodies = [{"account_no": person.account["account_no"], "roles": ["viewer"]} for person in others]
    answers = await asyncio.gather(*(anna.call("POST", members, json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    assert {code_of(answer) for answer in answers if answer.status_code == 409} == {(409, "MEMBERS_FULL")}
