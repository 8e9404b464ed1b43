"""An adult who said to be under 14 by mistake: two operators correct it, and the person decides alone again."""

import asyncio

import httpx
import pytest

from services.accounts.vault import Vault
from tests.accounts.conftest import Db, People, Person, code_of
from tests.accounts.enterprises import Operators
from tests.accounts.test_guardians import (
    OPEN,
    accept,
    give_for,
    guarded,
    live_purposes,
    new_child,
    show_code,
)
from tests.tokens import TokenFactory

WHY = {"reason": "窗口核对过本人证件"}


@pytest.fixture
def operators(client: httpx.AsyncClient, tokens: TokenFactory) -> Operators:
    return Operators(client, tokens)


async def propose(operators: Operators, person: Person, *, scope: str = "") -> httpx.Response:
    return await operators.call("POST", f"/people/{person.user_id}/correct-age", json=WHY, scope=scope)


async def test_an_adult_decides_alone_after_two_operators_corrected_the_age(
    people: People, operators: Operators, db: Db
) -> None:
    anna = await new_child(people)
    profile = (await anna.call("GET", "/me")).json()
    assert profile["user_id"] == str(anna.user_id), "the person reads the id to the operator"
    proposed = await propose(operators, anna)
    assert proposed.status_code == 202, proposed.text
    assert code_of(await anna.call("POST", "/me/carbon-account", json=OPEN)) == (403, "GUARDIAN_REQUIRED")
    proposal_id = proposed.json()["proposal_id"]
    assert code_of(await operators.decide(proposal_id, by="Ann")) == (409, "SECOND_PERSON_NEEDED")
    assert (await operators.decide(proposal_id)).status_code == 200
    await anna.open_account()
    assert await live_purposes(anna) == {"data_processing"}
    assert (await anna.bind("didi")).status_code == 201
    assert await db.fetchval("SELECT count(*) FROM accounts.declared_age") == 0
    entries = (await operators.call("GET", "/audit")).json()["items"][:2]
    assert [(one["subject"], one["action"], one["reason"]) for one in entries[1:]] == [
        ("ann", "age.correct.propose", WHY["reason"])
    ]
    assert (entries[0]["subject"], entries[0]["action"]) == ("bob", "age.correct.approve")
    assert str(anna.user_id) not in str(entries), "the log names the account, which outlives the person"


async def test_what_a_guardian_consented_to_ends_and_the_guardian_sees_nothing_more(
    people: People, operators: Operators
) -> None:
    adult, guardian, ward_id = await guarded(people)
    assert (await give_for(guardian, ward_id, "partner:didi")).status_code == 201
    assert (await operators.decide((await propose(operators, adult)).json()["proposal_id"])).status_code == 200
    assert (await guardian.call("GET", "/me/wards")).json()["items"] == []
    assert code_of(await guardian.call("GET", f"/me/wards/{ward_id}/consents")) == (404, "WARD_NOT_FOUND")
    assert await live_purposes(adult) == set()
    body = {"purpose": "data_processing", "policy_version": "2026-11"}
    assert (await adult.call("POST", "/me/consents", json=body)).status_code == 201
    assert (await adult.bind("didi")).status_code == 201


async def test_nobody_else_can_be_corrected(people: People, operators: Operators, vault: Vault, db: Db) -> None:
    anna = await people.new()
    assert code_of(await propose(operators, anna)) == (404, "AGE_NOT_DECLARED")
    child = await new_child(people)
    assert (await propose(operators, child, scope="ops:read")).status_code == 403
    proposal_id = (await propose(operators, child)).json()["proposal_id"]
    assert code_of(await propose(operators, child)) == (409, "PROPOSAL_OPEN")
    birthday = vault.seal("turns_14", child.user_id, "2026-01-01")
    await db.execute("UPDATE accounts.declared_age SET turns_14_sealed = $1", birthday)
    late = await operators.decide(proposal_id)
    assert code_of(late) == (404, "AGE_NOT_DECLARED"), "from 14 on the consents are the person's own"


async def test_a_correction_and_a_guardian_at_once_have_one_right_end(people: People, operators: Operators) -> None:
    for _ in range(5):
        adult, guardian = await new_child(people), await people.new()
        code = await show_code(adult)
        proposal_id = (await propose(operators, adult)).json()["proposal_id"]
        corrected, accepted = await asyncio.gather(operators.decide(proposal_id), accept(guardian, code))
        assert corrected.status_code == 200
        assert accepted.status_code in {201, 404}
        assert (await guardian.call("GET", "/me/wards")).json()["items"] == []
        assert await live_purposes(adult) == set()
