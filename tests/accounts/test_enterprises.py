"""Enterprises: applied for by a citizen, opened by two operators, suspended by one, closed when empty."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.carbon_accounts import domain as numbers
from services.accounts.enterprises.domain import is_uscc, may_become, uscc_check_character
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseMemberChanged
from shared.contracts.identity import enterprise_account_id
from tests.accounts.conftest import Db, People, Person, code_of
from tests.accounts.enterprises import (
    BECAUSE,
    CONTACT,
    Operators,
    application,
    apply,
    facts,
    held,
    holdings,
    new_uscc,
    opened,
    upload,
)
from tests.tokens import TokenFactory

# Published codes: Tencent, two of Alibaba, Huawei, Baidu Netcom.
KNOWN = ("9144030071526726XG", "91330100799655058B", "91330100716105852F", "914403001922038216", "91110000802100433B")
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


@pytest.mark.parametrize("uscc", KNOWN)
def test_published_codes_have_the_check_character_of_the_standard(uscc: str) -> None:
    assert is_uscc(uscc)


@given(st.text(CHARACTERS, min_size=17, max_size=17), st.integers(0, 17), st.sampled_from(CHARACTERS))
def test_one_wrong_character_of_a_code_is_always_found(first: str, place: int, other: str) -> None:
    uscc = first + uscc_check_character(first)
    assert is_uscc(uscc)
    changed = uscc[:place] + other + uscc[place + 1 :]
    assert is_uscc(changed) == (changed == uscc)


FORGED = [
    *("9144030071526726XI", "O144030071526726XG", "9144030071526726SG", "9144030071526726VG", "9144030071526726ZG"),
    "9144030071526726xg",
    "９144030071526726XG",
    "9144030071526726XＧ",
    "9144030071526726XG ",
    "9144030071526726X",
    "9144030071526726XGG",
    "91440300-71526726XG",
    "9144030071526726X\u200bG",
    "٩144030071526726XG",
]


@pytest.mark.parametrize("uscc", FORGED)
async def test_a_forged_code_is_refused(people: People, db: Db, uscc: str) -> None:
    anna = await people.new()
    answer = await anna.call("POST", "/enterprises", json=application(uscc=uscc))
    assert code_of(answer) == (422, "USCC_INVALID")
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise") == 0


def test_states_follow_the_published_order_only() -> None:
    allowed = {(a, b) for a in STATES for b in STATES if may_become(a, b)}
    assert allowed == {
        ("applied", "under_review"),
        ("applied", "rejected"),
        ("under_review", "active"),
        ("under_review", "rejected"),
        ("active", "suspended"),
        ("suspended", "active"),
        ("active", "closed"),
        ("suspended", "closed"),
    }


STATES: Any = ("applied", "under_review", "active", "suspended", "closed", "rejected")


async def test_an_enterprise_is_applied_for_and_opened_by_two_operators(
    people: People, operators: Operators, db: Db
) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    assert (await upload(anna, enterprise_id)).status_code == 201
    assert await facts(db) == []  # nobody else needs to know an application
    proposal_id = await operators.propose(enterprise_id)
    shown = await anna.call("GET", f"/enterprises/{enterprise_id}")
    assert (shown.json()["status"], shown.json()["account_no"]) == ("under_review", None)
    assert code_of(await operators.decide(proposal_id, by="ann")) == (409, "SECOND_PERSON_NEEDED")
    assert (await operators.decide(proposal_id)).status_code == 200
    shown = await anna.call("GET", f"/enterprises/{enterprise_id}")
    account_id = enterprise_account_id(uuid.UUID(enterprise_id))
    assert shown.json()["status"] == "active"
    assert shown.json()["account_id"] == str(account_id)
    assert numbers.is_account_no(shown.json()["account_no"])
    assert shown.json()["my_roles"] == ["admin"]
    enterprise, member = await facts(db)
    assert isinstance(enterprise, EnterpriseChanged)
    assert (enterprise.status, enterprise.version, enterprise.account_id) == ("active", 1, account_id)
    assert set(enterprise.kinds) == {"venue", "sponsor"}
    assert isinstance(member, EnterpriseMemberChanged)
    assert (member.account_id, member.roles) == (uuid.UUID(anna.account["account_id"]), ("admin",))
    log = await operators.call("GET", f"/audit?object={enterprise_id}")
    assert [entry["action"] for entry in log.json()["items"]] == [
        "enterprise.approve.approve",
        "enterprise.approve.propose",
        "enterprise.review",
    ]
    assert CONTACT["name"] not in log.text


async def test_the_same_application_sent_again_is_the_same(people: People, db: Db) -> None:
    anna = await people.new()
    body = application()
    first, again = [await anna.call("POST", "/enterprises", json=body) for _ in range(2)]
    assert first.json() == again.json()
    assert again.status_code == 202
    other = await anna.call("POST", "/enterprises", json={**body, "name": "别的公司"})
    assert code_of(other) == (409, "USCC_TAKEN")
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise") == 1


async def test_of_two_people_who_apply_for_one_code_at_once_one_wins(people: People, db: Db) -> None:
    crowd = [await people.new() for _ in range(6)]
    body = application()
    answers = await asyncio.gather(*(person.call("POST", "/enterprises", json=body) for person in crowd))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409, 409]
    assert {code_of(answer)[1] for answer in answers if answer.status_code == 409} == {"USCC_TAKEN"}
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_member") == 1


async def test_one_person_who_applies_twice_at_once_gets_one_enterprise(people: People, db: Db) -> None:
    anna = await people.new()
    body = application()
    answers = await asyncio.gather(*(anna.call("POST", "/enterprises", json=body) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["enterprise_id"] for answer in answers}) == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.enterprise_member") == 1


async def test_applications_need_an_account_and_are_limited(people: People) -> None:
    stranger = await people.new(with_account=False)
    answer = await stranger.call("POST", "/enterprises", json=application())
    assert code_of(answer) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    anna = await people.new()
    codes = [(await anna.call("POST", "/enterprises", json=application())).status_code for _ in range(6)]
    assert codes == [202] * 5 + [429]


async def test_no_approval_without_a_licence(people: People, operators: Operators) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    answer = await operators.call("POST", f"/enterprises/{enterprise_id}/approve", json=BECAUSE)
    assert code_of(answer) == (409, "DOCUMENT_MISSING")
    # Nothing happened: the applicant can still add the licence.
    assert (await upload(anna, enterprise_id)).status_code == 201
    await operators.approve(enterprise_id)


async def test_an_operator_cannot_apply_and_a_citizen_cannot_approve(
    people: People, operators: Operators, client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    anna = await people.new()
    enterprise_id = await apply(anna)
    answer = await client.post("/api/v1/accounts/enterprises", json=application(), headers=tokens.operator())
    assert answer.status_code == 403
    for path in (f"/ops/enterprises/{enterprise_id}/approve", "/ops/enterprises"):
        assert (await anna.call("POST", path, json=BECAUSE)).status_code in {403, 405}
    without = await operators.call("POST", f"/enterprises/{enterprise_id}/approve", scope="ops:read", json=BECAUSE)
    assert without.status_code == 403
    await upload(anna, enterprise_id)
    proposal_id = await operators.propose(enterprise_id)
    reader = await operators.call("POST", f"/approvals/{proposal_id}/approve", by="bob", scope="ops:read", json=BECAUSE)
    assert code_of(reader) == (403, "FORBIDDEN")
    for same in ("ANN", " ann", "ａnn", "a\u200bnn"):
        answer = await operators.decide(proposal_id, by=same)
        assert code_of(answer) in {(409, "SECOND_PERSON_NEEDED"), (401, "UNAUTHENTICATED")}, same
    assert (await anna.call("GET", f"/enterprises/{enterprise_id}")).json()["status"] == "under_review"


async def test_a_rejected_application_frees_its_code_and_loses_its_papers(
    people: People, operators: Operators, db: Db
) -> None:
    anna, bert = await people.new(), await people.new()
    uscc = new_uscc()
    enterprise_id = await apply(anna, uscc=uscc)
    await upload(anna, enterprise_id)
    proposal_id = await operators.propose(enterprise_id)
    rejected = await operators.call("POST", f"/enterprises/{enterprise_id}/reject", json={"reason": "执照已注销"})
    assert rejected.json()["status"] == "rejected"
    assert (await anna.call("GET", f"/enterprises/{enterprise_id}")).json()["status_reason"] == "执照已注销"
    assert code_of(await operators.decide(proposal_id)) == (409, "ENTERPRISE_STATE_CONFLICT")
    for table in ("enterprise_document", "enterprise_document_piece"):
        assert await db.fetchval(f"SELECT count(*) FROM accounts.{table}") == 0
    assert await db.fetchval("SELECT contact_sealed FROM accounts.enterprise") is None
    await apply(bert, uscc=uscc)
    assert await facts(db) == []


async def test_a_suspended_enterprise_is_resumed_by_two(people: People, operators: Operators, db: Db) -> None:
    anna = await people.new()
    enterprise_id = await opened(anna, operators)
    await operators.suspend(enterprise_id)
    body = {"account_no": (await people.new()).account["account_no"], "roles": ["viewer"]}
    await anna.step_up()
    refused = await anna.call("POST", f"/enterprises/{enterprise_id}/members", json=body)
    assert code_of(refused) == (409, "ENTERPRISE_SUSPENDED")
    assert code_of(await anna.call("POST", f"/enterprises/{enterprise_id}/close")) == (409, "ENTERPRISE_SUSPENDED")
    proposal_id = await operators.propose(enterprise_id, "resume")
    assert code_of(await operators.decide(proposal_id, by="ann")) == (409, "SECOND_PERSON_NEEDED")
    assert (await operators.decide(proposal_id)).status_code == 200
    found = [fact for fact in await facts(db) if isinstance(fact, EnterpriseChanged)]
    assert [(fact.version, fact.status) for fact in found] == [(1, "active"), (2, "suspended"), (3, "active")]
    assert code_of(await operators.call("POST", f"/enterprises/{enterprise_id}/resume", json=BECAUSE)) == (
        409,
        "ENTERPRISE_STATE_CONFLICT",
    )


async def test_only_an_empty_enterprise_is_closed(people: People, operators: Operators, app: FastAPI, db: Db) -> None:
    anna = await people.new()
    uscc = new_uscc()
    enterprise_id = await opened(anna, operators, uscc=uscc)
    close = f"/enterprises/{enterprise_id}/close"
    for answer in (None, httpx.Response(500), httpx.Response(200, json={"nonsense": 1})):
        holdings(app, answer)
        assert code_of(await anna.call("POST", close)) == (503, "HOLDINGS_UNAVAILABLE")
    holdings(app, held(enterprise_id, available_mg=170_000, debt_mg=5))
    refused = await anna.call("POST", close)
    assert code_of(refused) == (409, "ENTERPRISE_NOT_EMPTY")
    assert refused.json()["left"] == {"available_mg": 170_000, "debt_mg": 5}
    assert code_of(await operators.call("POST", close, json=BECAUSE)) == (409, "ENTERPRISE_NOT_EMPTY")
    holdings(app, held(enterprise_id))
    closed = await operators.call("POST", close, json=BECAUSE)
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert code_of(await anna.call("POST", close)) == (409, "ENTERPRISE_STATE_CONFLICT")
    found = [fact for fact in await facts(db) if isinstance(fact, EnterpriseChanged)]
    assert found[-1].status == "closed"
    await apply(await people.new(), uscc=uscc)  # its code is free again


async def test_an_administrator_closes_an_empty_enterprise(
    people: People, operators: Operators, app: FastAPI, db: Db
) -> None:
    anna = await people.new()
    enterprise_id = await opened(anna, operators)
    holdings(app, held(enterprise_id))
    closed = await anna.call("POST", f"/enterprises/{enterprise_id}/close")
    assert closed.json()["status"] == "closed"
    for left in ("enterprise_document", "enterprise_document_piece"):
        assert await db.fetchval(f"SELECT count(*) FROM accounts.{left}") == 0
    mine: list[dict[str, Any]] = (await anna.call("GET", "/me/enterprises")).json()["items"]
    assert [one["status"] for one in mine] == ["closed"]
    answer = await anna.call("DELETE", f"/me/enterprises/{enterprise_id}")
    assert answer.status_code == 204  # nobody has to stay the administrator of what has ended


async def test_the_queue_lists_by_status_without_contacts(people: People, operators: Operators) -> None:
    anna: Person = await people.new()
    first, second = await apply(anna), await apply(anna)
    listed = await operators.call("GET", "/enterprises?status=applied", scope="ops:read")
    assert [row["enterprise_id"] for row in listed.json()["items"]] == [second, first]
    assert CONTACT["phone"] not in listed.text
    contact = f"/enterprises/{first}/contact"
    assert code_of(await operators.call("GET", contact)) == (422, "INVALID_REQUEST")
    assert (await operators.call("GET", contact, scope="ops:read", params={"reason": "核对联系人"})).status_code == 403
    seen = await operators.call("GET", contact, params={"reason": "核对联系人"})
    assert (seen.json()["name"], seen.json()["phone"]) == (CONTACT["name"], CONTACT["phone"])
    log = await operators.call("GET", f"/audit?object={first}")
    assert [(entry["action"], entry["reason"]) for entry in log.json()["items"]] == [
        ("enterprise.contact.read", "核对联系人")
    ]


async def test_two_operators_who_decide_at_once_decide_once(people: People, operators: Operators, db: Db) -> None:
    for acts in (("approve", "approve"), ("approve", "reject")):
        anna = await people.new()
        enterprise_id = await apply(anna)
        await upload(anna, enterprise_id)
        proposal_id = await operators.propose(enterprise_id)
        answers = await asyncio.gather(
            operators.decide(proposal_id, acts[0], by="bob"), operators.decide(proposal_id, acts[1], by="carl")
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        accounts = await db.fetchval(
            "SELECT count(*) FROM accounts.carbon_account WHERE enterprise_id = $1", uuid.UUID(enterprise_id)
        )
        status = (await anna.call("GET", f"/enterprises/{enterprise_id}")).json()["status"]
        assert (status, accounts) in {("active", 1), ("under_review", 0)}


async def test_an_approval_and_a_rejection_at_once_leave_one_state(
    people: People, operators: Operators, db: Db
) -> None:
    for _ in range(4):
        anna = await people.new()
        enterprise_id = await apply(anna)
        await upload(anna, enterprise_id)
        proposal_id = await operators.propose(enterprise_id)
        reject = operators.call("POST", f"/enterprises/{enterprise_id}/reject", by="carl", json=BECAUSE)
        answers = await asyncio.gather(operators.decide(proposal_id), reject)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        row = await db.fetchrow(
            "SELECT status, approved_at IS NOT NULL AS approved FROM accounts.enterprise WHERE enterprise_id = $1",
            uuid.UUID(enterprise_id),
        )
        assert row is not None
        assert tuple(row) in {("active", True), ("rejected", False)}


async def test_an_operator_finds_the_account_of_an_enterprise(people: People, operators: Operators) -> None:
    anna = await people.new()
    enterprise_id = await opened(anna, operators)
    number = (await anna.call("GET", f"/enterprises/{enterprise_id}")).json()["account_no"]
    seen = await operators.call("GET", f"/accounts/{number}", params={"reason": "工单 2026-1127"})
    assert (seen.json()["kind"], seen.json()["phone_masked"], seen.json()["members"]) == ("enterprise", None, None)


@pytest.mark.parametrize("name", ["江城\u202e司公", "江城\u200b公司", "江城\x00公司", "江城\n公司", "\ue000\ue001"])
async def test_a_name_that_does_not_show_what_it_is_is_refused(people: People, name: str) -> None:
    """Operators approve what they see."""
    anna = await people.new()
    answer = await anna.call("POST", "/enterprises", json=application(name=name))
    assert code_of(answer) == (422, "INVALID_REQUEST")
    contact = {"name": name, "phone": "027-85550000"}
    assert code_of(await anna.call("POST", "/enterprises", json=application(contact=contact)))[0] == 422
