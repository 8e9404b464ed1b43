"""Roles of operators: two others give and take them, a taken role ends sessions, two who give roles remain."""

import asyncio
from collections.abc import Sequence
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from services.accounts.operator_accounts import domain
from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operator_sessions import service as operator_sessions
from services.accounts.settings import Settings
from tests.accounts.conftest import Db, code_of
from tests.accounts.operators import (
    LEAD,
    LEDGER,
    OPS,
    bearer,
    log_in_by_provider,
    make_local,
    make_provider,
    provider_of,
)
from tests.tokens import TokenFactory

pytestmark = pytest.mark.usefixtures("early_in_a_step")
SCOPES = "ops:read ops:operators"


class Desk:
    """Administrators of operators, by tokens without a session."""

    def __init__(self, client: httpx.AsyncClient, tokens: TokenFactory) -> None:
        self._client, self._tokens = client, tokens

    def headers(self, by: str, scopes: str = SCOPES) -> dict[str, str]:
        return self._tokens.operator(scopes, subject=by)

    async def propose(
        self, change: str, subject: str, role: str = "partners", *, by: str = "ann", scopes: str = SCOPES
    ) -> httpx.Response:
        body = {"role": role, "reason": "接任岗位"}
        return await self._client.post(
            f"{OPS}/operators/{subject}/{change}-role", json=body, headers=self.headers(by, scopes)
        )

    async def decide(
        self, proposal: httpx.Response, step: str = "approve", *, by: str = "ben", scopes: str = SCOPES
    ) -> httpx.Response:
        assert proposal.status_code == 202, proposal.text
        path = f"{OPS}/approvals/{proposal.json()['proposal_id']}/{step}"
        return await self._client.post(path, json={"reason": "核对过"}, headers=self.headers(by, scopes))

    async def do(self, change: str, subject: str, role: str = "partners") -> None:
        decided = await self.decide(await self.propose(change, subject, role))
        assert (decided.status_code, decided.json()["status"]) == (200, "approved"), decided.text

    async def get(self, path: str) -> Any:
        answer = await self._client.get(f"{OPS}{path}", headers=self.headers("ann"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def listed(self, subject: str) -> dict[str, Any]:
        [found] = [one for one in await self.get("/operators") if one["subject"] == subject]
        return dict(found)


@pytest.fixture
def desk(client: httpx.AsyncClient, tokens: TokenFactory) -> Desk:
    return Desk(client, tokens)


async def test_a_role_given_by_two_is_in_the_next_token(app: FastAPI, client: httpx.AsyncClient, desk: Desk) -> None:
    li = await make_local(app, "li", LEDGER)
    logged_in = await client.post(f"{OPS}/sessions", json=li.body())
    proposed = await desk.propose("give", "local:li")
    assert (proposed.json()["subject"], proposed.json()["content"]) == ("operator:local:li", {"role": "partners"})
    assert (await desk.listed("local:li"))["roles"] == ["ledger"], "one person alone changes nothing"
    assert (await desk.decide(proposed)).status_code == 200
    listed = await desk.listed("local:li")
    assert (listed["roles"], listed["given_roles"]) == (["ledger", "partners"], ["partners"])
    assert listed["scopes"] == ["ops:ledger", "ops:partners", "ops:read"]
    token = {"refresh_token": logged_in.json()["refresh_token"]}
    refreshed = await client.post(f"{OPS}/sessions/refresh", json=token)
    assert refreshed.json()["scopes"] == ["ops:ledger", "ops:partners", "ops:read"]
    again = await client.post(f"{OPS}/sessions", json=li.body(steps=1))
    assert again.json()["roles"] == ["ledger", "partners"]


async def test_both_persons_and_both_states_are_in_the_audit_log(app: FastAPI, desk: Desk) -> None:
    await make_local(app, "li", LEDGER)
    await desk.do("give", "local:li")
    entries = (await desk.get("/audit"))["items"][:2]
    assert [(one["subject"], one["action"], one["object"]) for one in entries] == [
        ("ben", "operator_role.give.approve", "operator:local:li"),
        ("ann", "operator_role.give.propose", "operator:local:li"),
    ]
    assert (entries[0]["before"]["roles"], entries[0]["after"]["roles"]) == (["ledger"], ["ledger", "partners"])


@pytest.mark.parametrize("change", ["give", "take"])
async def test_neither_the_operator_concerned_nor_the_proposer_decides(app: FastAPI, desk: Desk, change: str) -> None:
    await make_local(app, "li", LEDGER)
    role = "partners" if change == "give" else "ledger"
    assert code_of(await desk.propose(change, "local:li", role, by="LOCAL:LI")) == (409, "OWN_ROLES")
    proposed = await desk.propose(change, "local:li", role)
    for step in ("approve", "reject"):
        assert code_of(await desk.decide(proposed, step, by="local:li")) == (409, "OWN_ROLES")
        assert code_of(await desk.decide(proposed, step, by="LOCAL:Li")) == (409, "OWN_ROLES")
    assert code_of(await desk.decide(proposed, by="ANN")) == (409, "SECOND_PERSON_NEEDED")
    assert code_of(await desk.decide(proposed, by="eve", scopes="ops:read ops:ledger")) == (403, "FORBIDDEN")
    assert (await desk.listed("local:li"))["roles"] == ["ledger"]
    withdrawn = await desk.decide(proposed, "reject", by="ann")
    assert withdrawn.json()["status"] == "withdrawn"


async def test_what_cannot_be_given_or_taken_is_refused_at_once(app: FastAPI, desk: Desk) -> None:
    await make_local(app, "li", LEDGER)
    assert code_of(await desk.propose("give", "local:nobody")) == (404, "OPERATOR_NOT_FOUND")
    assert code_of(await desk.propose("give", "local:li", "ledger")) == (409, "ROLE_UNCHANGED")
    assert code_of(await desk.propose("take", "local:li", "partners")) == (409, "ROLE_UNCHANGED")
    assert (await desk.propose("give", "local:li", "emperor")).status_code == 422
    assert (await desk.propose("give", "local:li", scopes="ops:read")).status_code == 403
    assert (await desk.propose("give", "local:li")).status_code == 202
    assert code_of(await desk.propose("give", "local:li", "rewards")) == (409, "PROPOSAL_OPEN")


async def test_taking_a_role_ends_all_sessions_at_once(app: FastAPI, client: httpx.AsyncClient, desk: Desk) -> None:
    li = await make_local(app, "li", ("ledger", "partners"))
    logged_in = [await client.post(f"{OPS}/sessions", json=li.body(steps=steps)) for steps in (-1, 0)]
    await desk.do("take", "local:li")
    for one in logged_in:
        refused = await client.get(f"{OPS}/sessions", headers=bearer(one))
        assert code_of(refused) == (401, "OPERATOR_SESSION_ENDED")
        refresh = {"refresh_token": one.json()["refresh_token"]}
        assert code_of(await client.post(f"{OPS}/sessions/refresh", json=refresh)) == (401, "OPERATOR_SESSION_ENDED")
    listed = await desk.listed("local:li")
    assert (listed["scopes"], listed["withheld_roles"]) == (["ops:ledger", "ops:read"], ["partners"])
    ends = [one for one in (await desk.get("/audit"))["items"] if one["action"] == "operator_session.end"]
    assert [one["subject"] for one in ends] == ["ben", "ben"]
    await desk.do("take", "local:li", "ledger")
    assert code_of(await client.post(f"{OPS}/sessions", json=li.body(steps=1))) == (403, "OPERATOR_WITHOUT_ROLE")


async def test_a_role_that_the_provider_gives_stays_away_once_two_have_taken_it(
    app: FastAPI, client: httpx.AsyncClient, settings: Settings, desk: Desk
) -> None:
    async with provider_of(app, settings, make_provider()) as provider:
        assert (await log_in_by_provider(client, provider, "li")).json()["roles"] == ["ledger"]
        await desk.do("give", "li", "partners")
        await desk.do("take", "li", "ledger")
        again = await log_in_by_provider(client, provider, "li")
        assert again.json()["roles"] == ["partners"]
        assert (await desk.listed("li"))["withheld_roles"] == ["ledger"]
        await desk.do("give", "li", "ledger")
        assert (await log_in_by_provider(client, provider, "li")).json()["roles"] == ["ledger", "partners"]
        listed = await desk.listed("li")
        assert (listed["given_roles"], listed["withheld_roles"]) == (["partners"], [])


async def local_givers(app: FastAPI, names: Sequence[str]) -> None:
    for name in names:
        await make_local(app, name, LEAD)


async def test_two_operators_who_give_roles_remain(app: FastAPI, client: httpx.AsyncClient, desk: Desk) -> None:
    await local_givers(app, ["anna", "bob", "cara"])
    assert (await desk.decide(await desk.propose("take", "local:cara", "programme-lead"))).status_code == 200
    refused = await desk.propose("take", "local:bob", "programme-lead")
    assert code_of(refused) == (409, "ROLE_GIVERS_NEEDED")
    await desk.do("give", "local:bob", "operator-admin")
    await desk.do("take", "local:bob", "programme-lead")  # the other role gives roles, too
    await make_local(app, "dan", ("operator-admin",))
    waiting = await desk.propose("take", "local:bob", "operator-admin")
    await client.post(f"{OPS}/operators/local:dan/disable", json={"reason": "left"}, headers=desk.headers("ann"))
    assert code_of(await desk.decide(waiting)) == (409, "ROLE_GIVERS_NEEDED"), "a disabled one gives no roles"


async def test_of_two_approvals_at_once_the_second_counts_after_the_first(app: FastAPI, desk: Desk) -> None:
    await local_givers(app, ["anna", "bob", "cara"])
    proposals = [await desk.propose("take", f"local:{name}", "programme-lead") for name in ("anna", "bob", "cara")]
    answers = await asyncio.gather(*(desk.decide(one) for one in proposals))
    assert sorted(code_of(one) for one in answers if one.status_code != 200) == [(409, "ROLE_GIVERS_NEEDED")] * 2
    assert sum("ops:operators" in one["scopes"] for one in await desk.get("/operators")) == 2


async def test_a_log_in_during_the_approval_has_the_role_only_in_a_session_that_ends(
    app: FastAPI, client: httpx.AsyncClient, settings: Settings, db: Db
) -> None:
    async with provider_of(app, settings, make_provider()) as provider:
        await log_in_by_provider(client, provider, "wang")
        async with app.state.db.transaction() as session:
            operator_id = await operator_accounts.take_role(session, subject="wang", role="programme-lead")
            await operator_sessions.end_all(session, operator_id=operator_id, by="ben", reason="taken")
            during = asyncio.create_task(log_in_by_provider(client, provider, "wang"))
            await asyncio.wait({during}, timeout=0.3)
            assert not during.done(), "it waits for the approval"
        assert code_of(await during) == (403, "OPERATOR_WITHOUT_ROLE")
        live = "SELECT count(*) FROM accounts.operator_session WHERE ended_at IS NULL"
        assert await db.fetchval(live) == 0


async def test_the_table_of_roles_can_be_read(desk: Desk) -> None:
    roles = await desk.get("/roles")
    assert [one["role"] for one in roles] == list(get_args(domain.RoleName)) == list(domain.ROLES)
    assert roles[4] == {"role": "ledger", "scopes": ["ops:ledger", "ops:read"]}
