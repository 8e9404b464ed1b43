"""Faults of other four-eyes rules, from public reports, tried on every kind of proposal of the services."""

import uuid
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from tests.four_eyes.attempts import (
    propose_captures,
    propose_factors,
    propose_partner,
    propose_reversal,
    propose_unfreeze,
)
from tests.four_eyes.conftest import ACCOUNTING, ALONE, INGEST, REWARDS, City
from tests.tokens import ALL_OPS

Propose = Callable[[City], Awaitable[str]]
# One kind of each room, with the path of its decisions.
KINDS: dict[str, tuple[Propose, str]] = {
    "factors": (propose_factors, f"{ACCOUNTING}/proposals"),
    "reversal": (propose_reversal, f"{ACCOUNTING}/reversals"),
    "unfreeze": (propose_unfreeze, f"{ACCOUNTING}/unfreezes"),
    "partner.create": (propose_partner, f"{INGEST}/proposals"),
    "captures": (propose_captures, f"{REWARDS}/captures"),
}
EACH = pytest.mark.parametrize("kind", KINDS)


def service_of(path: str) -> str:
    return path.split("/")[3]


async def entry_of(city: City, schema: str, why: str) -> list[str]:
    """Who, what and which proposal, of the one entry with this reason."""
    (entry,) = await city.sql(
        f"SELECT concat_ws(' ', subject, action, after->'proposal'->>'proposal_id') FROM {schema}.audit_log"
        " WHERE reason = $1",
        why,
    )
    return str(entry).split(" ")


@EACH
async def test_b12_a_rejection_is_in_the_audit_log_with_its_reason_and_its_proposal(city: City, kind: str) -> None:
    """fivexl/terraform-aws-sso-elevator#207, fluxerapp/fluxer#1012, luisgf/infrabroker#280, gethelio/helio#110."""
    propose, root = KINDS[kind]
    proposal_id, why = await propose(city), f"证据不足 {uuid.uuid4()}"
    await city.did(200, "POST", f"{root}/{proposal_id}/reject", {"reason": why}, by="bob")
    subject, action, named = await entry_of(city, service_of(root), why)
    assert (subject, action.rpartition(".")[2], named) == ("bob", "reject", proposal_id)


@pytest.mark.parametrize("kind", ["reversal", "unfreeze"])
async def test_b12_an_approval_has_the_reason_of_the_second_person(city: City, kind: str) -> None:
    """gethelio/helio#110: the log keeps that somebody decided, and drops why."""
    propose, root = KINDS[kind]
    proposal_id, why = await propose(city), f"已核对 {uuid.uuid4()}"
    await city.did(200, "POST", f"{root}/{proposal_id}/approve", {"reason": why}, by="bob")
    subject, _action, named = await entry_of(city, service_of(root), why)
    assert (subject, named) == ("bob", proposal_id)


@EACH
async def test_b12_nothing_is_approved_without_its_entry_in_the_audit_log(city: City, kind: str) -> None:
    """Tr3kkR/Yuzu#2768: the decision succeeds although its evidence was not written."""
    propose, root = KINDS[kind]
    proposal_id, schema = await propose(city), service_of(root)
    admin = await asyncpg.connect(city.dsns.admin)
    try:
        await city.mark()
        await admin.execute(f"REVOKE INSERT ON {schema}.audit_log FROM {schema}")
        for step in ("approve", "reject"):
            answer = await city.call("POST", f"{root}/{proposal_id}/{step}", {"reason": "已核对"}, by="bob")
            assert answer.status_code >= 500, (step, answer.text)
        assert await city.gained() == {}
        status = f"SELECT status FROM {schema}.approval WHERE proposal_id = $1::text::uuid"
        assert await city.sql(status, proposal_id) == ["open"]
    finally:
        await admin.execute(f"GRANT INSERT ON {schema}.audit_log TO {schema}")
        await admin.close()
    await city.did(200, "POST", f"{root}/{proposal_id}/reject", {"reason": "收尾清理"}, by="bob")


@EACH
async def test_b11_other_claims_of_a_token_make_no_second_person(city: City, kind: str) -> None:
    """Bothari/Athenaeum#13, Flowfin/jellyfin-plugin-sso#155, sandbox-quantum/switch#291: names that people may change.

    finos/git-proxy#1350: an administrator approves what he proposed.
    """
    propose, root = KINDS[kind]
    proposal_id = await propose(city)
    names = {
        "preferred_username": "bob",
        "email": "bob@city.example",
        "name": "Bob",
        "azp": "other",
        "act": {"sub": "bob"},
    }
    for scope in (None, "ops:admin"):
        token = city.tokens.access(ALONE, " ".join(filter(None, (ALL_OPS, scope))), **names)
        answer = await city.clients[service_of(root)].post(
            f"{root}/{proposal_id}/approve", json={"reason": "已核对"}, headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "SECOND_PERSON_NEEDED")
    await city.did(200, "POST", f"{root}/{proposal_id}/reject", {"reason": "收尾清理"}, by="bob")


FORGED = {
    "a row that is decided already": "INSERT INTO {s}.approval (proposal_id, kind, subject, content, reason, status,"
    " proposed_by, expires_at, decided_by, decided_at) VALUES (gen_random_uuid(), 'x', 'x', '{{}}', 'x', 'approved',"
    " 'a', now(), 'b', now())",
    "another proposer": "UPDATE {s}.approval SET proposed_by = 'bob' WHERE proposal_id = $1",
    "other content": "UPDATE {s}.approval SET content = '{{}}' WHERE proposal_id = $1",
    "a longer life": "UPDATE {s}.approval SET expires_at = 'infinity' WHERE proposal_id = $1",
    "one person in another case": "UPDATE {s}.approval SET status = 'approved', decided_by = upper(proposed_by),"
    " decided_at = now() WHERE proposal_id = $1",
    "nobody": "UPDATE {s}.approval SET status = 'approved', decided_at = now() WHERE proposal_id = $1",
    "a removed proposal": "DELETE FROM {s}.approval WHERE proposal_id = $1",
}


@EACH
async def test_b11_no_other_way_in_writes_an_approval_of_one_person(city: City, kind: str) -> None:
    """LeanerCloud/CUDly#1500, self-evolving/repo#224: the rule stands at some entry points and not at others."""
    propose, root = KINDS[kind]
    proposal_id, schema = await propose(city), service_of(root)
    service = await asyncpg.connect(city.dsns.app(schema))
    refused = (asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)
    try:
        for statement in FORGED.values():
            values = [uuid.UUID(proposal_id)] if "$1" in statement else []
            with pytest.raises(refused):
                await service.execute(statement.format(s=schema), *values)
    finally:
        await service.close()
    await city.did(200, "POST", f"{root}/{proposal_id}/reject", {"reason": "收尾清理"}, by="bob")


@EACH
async def test_b11_a_proposal_whose_life_is_over_is_not_approved(city: City, kind: str) -> None:
    """mcp-hangar/mcp-hangar#673: the end of a proposal is stored, shown, and read by nothing."""
    propose, root = KINDS[kind]
    proposal_id, schema = await propose(city), service_of(root)
    await city.sql(
        f"UPDATE {schema}.approval SET expires_at = now() - interval '1 second' WHERE proposal_id = $1::text::uuid"
        " RETURNING 1",
        proposal_id,
    )
    for step in ("approve", "reject"):
        answer = await city.call("POST", f"{root}/{proposal_id}/{step}", {"reason": "已核对"}, by="bob")
        assert (answer.status_code, answer.json()["code"]) == (409, "PROPOSAL_DECIDED"), step
    assert await city.gained() == {}
    await city.sql(
        f"UPDATE {schema}.approval SET expires_at = now() + interval '1 day' WHERE proposal_id = $1::text::uuid"
        " RETURNING 1",
        proposal_id,
    )
    await city.did(200, "POST", f"{root}/{proposal_id}/reject", {"reason": "收尾清理"}, by="bob")
