"""Enterprises of tests: codes that fit, applications with a licence, two operators who approve."""

import dataclasses
import hashlib
import itertools
import uuid
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI
from pydantic import SecretStr

from services.accounts.enterprises.domain import uscc_check_character
from services.accounts.holdings.client import HoldingsReader
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseFact
from tests.accounts.conftest import BASE, Db, Person
from tests.cloud_events import read_event
from tests.tokens import SERVICE_KEYS, TokenFactory

LICENCE = b"%PDF-1.7\n" + b"licence-canary " * 40
BECAUSE = {"reason": "材料齐全"}
CONTACT = {"name": "张敏-canary", "phone": "027-85550000"}
OPS = f"{BASE}/ops"
_numbers = itertools.count(1)


def new_uscc() -> str:
    first = f"91420100{next(_numbers):09d}"
    return first + uscc_check_character(first)


def application(**changes: Any) -> dict[str, Any]:
    body = {"uscc": new_uscc(), "name": "江城会展有限公司", "kinds": ["venue", "sponsor"], "contact": CONTACT}
    return {**body, **changes}


async def apply(person: Person, **changes: Any) -> str:
    answer = await person.call("POST", "/enterprises", json=application(**changes))
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "applied"
    return str(answer.json()["enterprise_id"])


async def upload(
    person: Person,
    enterprise_id: str,
    content: bytes = LICENCE,
    *,
    kind: str = "business_licence",
    media_type: str = "application/pdf",
    sha256: str | None = None,
) -> httpx.Response:
    return await person.call(
        "POST",
        f"/enterprise-documents/{enterprise_id}",
        params={"kind": kind, "sha256": sha256 or hashlib.sha256(content).hexdigest()},
        content=content,
        headers={"Content-Type": media_type},
    )


class Operators:
    """Operators by name, with the scope that decides about enterprises."""

    def __init__(self, client: httpx.AsyncClient, tokens: TokenFactory) -> None:
        self._client, self._tokens = client, tokens

    async def call(self, method: str, path: str, *, by: str = "ann", scope: str = "", **more: Any) -> httpx.Response:
        headers = self._tokens.operator(scope or "ops:read ops:accounts", subject=by)
        return await self._client.request(method, f"{OPS}{path}", headers=headers, **more)

    async def propose(self, enterprise_id: str, act: str = "approve", *, by: str = "ann") -> str:
        answer = await self.call("POST", f"/enterprises/{enterprise_id}/{act}", by=by, json=BECAUSE)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["proposal_id"])

    async def decide(self, proposal_id: str, act: str = "approve", *, by: str = "bob") -> httpx.Response:
        return await self.call("POST", f"/approvals/{proposal_id}/{act}", by=by, json=BECAUSE)

    async def approve(self, enterprise_id: str) -> None:
        answer = await self.decide(await self.propose(enterprise_id))
        assert answer.status_code == 200, answer.text

    async def suspend(self, enterprise_id: str) -> None:
        answer = await self.call("POST", f"/enterprises/{enterprise_id}/suspend", json=BECAUSE)
        assert answer.status_code == 200, answer.text


async def opened(person: Person, operators: Operators, **changes: Any) -> str:
    """An active enterprise with the person as its administrator."""
    enterprise_id = await apply(person, **changes)
    assert (await upload(person, enterprise_id)).status_code == 201
    await operators.approve(enterprise_id)
    return enterprise_id


async def join(admin: Person, person: Person, enterprise_id: str, *roles: str, name: str | None = None) -> str:
    """Invite a person and accept. Returns the membership's id."""
    body = {"account_no": person.account["account_no"], "roles": list(roles), "name": name}
    await admin.step_up()
    answer = await admin.call("POST", f"/enterprises/{enterprise_id}/members", json=body)
    assert answer.status_code == 201, answer.text
    accepted = await person.call("POST", f"/me/enterprises/{enterprise_id}/accept")
    assert accepted.status_code == 204, accepted.text
    return str(answer.json()["membership_id"])


async def facts(db: Db) -> list[EnterpriseFact]:
    """Read the records of enterprises in the outbox, in order, and check their keys and headers."""
    found: list[EnterpriseFact] = []
    rows = await db.fetch("SELECT records FROM accounts.outbox WHERE topic = 'accounts.enterprises.v1' ORDER BY id")
    for row in rows:
        for key, value, headers in msgspec.msgpack.decode(row["records"]):
            if value is None:  # a membership of a person who was erased
                continue
            read_event("accounts.enterprises.v1", key, value, headers)
            fact: EnterpriseFact = msgspec.json.decode(value, type=EnterpriseFact)
            own: uuid.UUID = fact.enterprise_id if isinstance(fact, EnterpriseChanged) else fact.membership_id
            assert key == str(own).encode()
            found.append(fact)
    return found


def holdings(app: FastAPI, answer: httpx.Response | None) -> None:
    """Let accounting answer so; None: not at all."""

    def respond(request: httpx.Request) -> httpx.Response:
        if answer is None:
            raise httpx.ConnectError("down", request=request)
        return answer

    reader = HoldingsReader(
        base_url="http://accounting.test",
        service_key=SecretStr(SERVICE_KEYS["accounts"]),
        transport=httpx.MockTransport(respond),
    )
    app.state.resources = dataclasses.replace(app.state.resources, holdings=reader)


def held(enterprise_id: str, **amounts: int) -> httpx.Response:
    nothing = {"available_mg": 0, "pending_mg": 0, "held_mg": 0, "debt_mg": 0}
    return httpx.Response(200, json={"enterprise_id": enterprise_id, **nothing, **amounts})
