"""An enterprise whose last administrator is gone gets one by two operators, on a document of the enterprise."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.accounts.enterprise_members import service as members
from services.accounts.settings import Settings
from shared.contracts.enterprises_v1 import EnterpriseMemberChanged
from tests.accounts.conftest import Db, People, Person, code_of
from tests.accounts.enterprises import BECAUSE, Operators, facts, join, opened
from tests.tokens import TokenFactory

LETTER = "ab" * 32


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


async def erase_member(app: FastAPI, settings: Settings, person: Person) -> None:
    async with app.state.db.transaction() as session:
        await members.erase_user(session, settings=settings, user_id=person.user_id)


async def appoint(operators: Operators, enterprise_id: str, person: Person, **changed: Any) -> httpx.Response:
    body = {**BECAUSE, "account_no": person.account["account_no"], "document_sha256": LETTER, **changed}
    return await operators.call("POST", f"/enterprises/{enterprise_id}/appoint-admin", json=body)


async def roles_of(person: Person) -> list[tuple[list[str], str]]:
    mine = (await person.call("GET", "/me/enterprises")).json()["items"]
    return [(one["roles"], one["membership"]) for one in mine]


async def test_two_operators_invite_a_new_administrator_who_accepts(
    people: People, operators: Operators, app: FastAPI, settings: Settings
) -> None:
    gone, new = await people.new(), await people.new()
    enterprise_id = await opened(gone, operators)
    assert code_of(await appoint(operators, enterprise_id, new)) == (409, "ADMIN_REMAINS")
    await erase_member(app, settings, gone)
    proposed = await appoint(operators, enterprise_id, new)
    assert proposed.status_code == 202, proposed.text
    assert await roles_of(new) == [], "one operator alone appoints nobody"
    proposal_id = proposed.json()["proposal_id"]
    assert code_of(await operators.decide(proposal_id, by="ANN")) == (409, "SECOND_PERSON_NEEDED")
    assert (await operators.decide(proposal_id)).status_code == 200
    assert await roles_of(new) == [(["admin"], "invited")]
    assert (await new.call("POST", f"/me/enterprises/{enterprise_id}/accept")).status_code == 204
    listed = await new.call("GET", f"/enterprises/{enterprise_id}/members")
    assert [one["roles"] for one in listed.json()["items"]] == [["admin"]]
    assert code_of(await appoint(operators, enterprise_id, new)) == (409, "ADMIN_REMAINS")


async def test_a_member_becomes_administrator_at_once_and_keeps_the_roles(
    people: People, operators: Operators, app: FastAPI, settings: Settings, db: Db
) -> None:
    gone, maker = await people.new(), await people.new()
    enterprise_id = await opened(gone, operators)
    await join(gone, maker, enterprise_id, "maker")
    await erase_member(app, settings, gone)
    proposed = await appoint(operators, enterprise_id, maker)
    assert (await operators.decide(proposed.json()["proposal_id"])).status_code == 200
    assert await roles_of(maker) == [(["admin", "maker"], "active")]
    newest = (await facts(db))[-1]
    assert isinstance(newest, EnterpriseMemberChanged)
    assert list(newest.roles) == ["admin", "maker"]


async def test_document_reason_and_both_operators_are_in_the_audit_log_without_names(
    people: People, operators: Operators, app: FastAPI, settings: Settings
) -> None:
    gone, new = await people.new(), await people.new()
    enterprise_id = await opened(gone, operators)
    await erase_member(app, settings, gone)
    proposed = await appoint(operators, enterprise_id, new)
    await operators.decide(proposed.json()["proposal_id"])
    entries = (await operators.call("GET", f"/audit?object={enterprise_id}")).json()["items"][:2]
    assert [(one["subject"], one["action"]) for one in entries] == [
        ("bob", "enterprise.appoint_admin.approve"),
        ("ann", "enterprise.appoint_admin.propose"),
    ]
    assert [one["reason"] for one in entries] == [BECAUSE["reason"]] * 2
    content = entries[0]["after"]["proposal"]["content"]
    assert content == {"account_id": new.account["account_id"], "document_sha256": LETTER}
    assert new.account["account_no"] not in str(entries)


async def test_what_is_no_appointment_is_refused(
    people: People, operators: Operators, app: FastAPI, settings: Settings
) -> None:
    gone, new = await people.new(), await people.new()
    enterprise_id = await opened(gone, operators)
    await erase_member(app, settings, gone)
    home = (await new.call("POST", "/households", json={})).json()
    for number in (home["account_no"], "WH000000000000"):
        refused = await appoint(operators, enterprise_id, new, account_no=number)
        assert code_of(refused) == (404, "MEMBER_ACCOUNT_NOT_FOUND")
    assert (await appoint(operators, enterprise_id, new, document_sha256="letter")).status_code == 422
    assert code_of(await appoint(operators, str(uuid.uuid4()), new)) == (404, "ENTERPRISE_NOT_FOUND")
    body = {**BECAUSE, "account_no": new.account["account_no"], "document_sha256": LETTER}
    path = f"/enterprises/{enterprise_id}/appoint-admin"
    assert (await operators.call("POST", path, scope="ops:read", json=body)).status_code == 403
    assert (await appoint(operators, enterprise_id, new)).status_code == 202
    assert code_of(await appoint(operators, enterprise_id, new)) == (409, "PROPOSAL_OPEN")


async def test_an_administrator_who_comes_back_in_between_ends_the_appointment(
    people: People, operators: Operators, app: FastAPI, settings: Settings
) -> None:
    gone, invited, new = await people.new(), await people.new(), await people.new()
    enterprise_id = await opened(gone, operators)
    await gone.step_up()
    body = {"account_no": invited.account["account_no"], "roles": ["admin"]}
    assert (await gone.call("POST", f"/enterprises/{enterprise_id}/members", json=body)).status_code == 201
    await erase_member(app, settings, gone)
    proposal_id = (await appoint(operators, enterprise_id, new)).json()["proposal_id"]
    approved, accepted = await asyncio.gather(
        operators.decide(proposal_id), invited.call("POST", f"/me/enterprises/{enterprise_id}/accept")
    )
    assert accepted.status_code == 204, "the invitation stays valid"
    if approved.status_code == 200:
        assert await roles_of(new) == [(["admin"], "invited")]
    else:
        assert code_of(approved) == (409, "ADMIN_REMAINS")
        assert await roles_of(new) == []
