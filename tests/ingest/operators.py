"""Two operators at the routes of partners and keys."""

import json
from typing import Any

import httpx

from shared.auth import cp1
from tests.ingest.samples import event
from tests.ingest.signing import Pair, Signer

PARTNERS = "/api/v1/ingest/ops/partners"
PROPOSALS = "/api/v1/ingest/ops/proposals"


def terms(partner_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "partner_id": partner_id,
        "name": "江城单车",
        "name_en": "River City Bikes",
        "source": f"//{partner_id}.example",
        "scenes": ["bike"],
        "event_types": ["trip.completed"],
        "cities": ["420100"],
        "reason": "新合作方",
        **changes,
    }


class OperatorClient:
    """An operator who calls the routes of partners and keys, and a second one who approves."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str], second: dict[str, str]) -> None:
        self.http, self.headers, self.second = http, headers, second

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, PARTNERS + path, json=body, headers=self.headers)

    async def call(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        answer = await self.send(method, path, body)
        if expect is None:
            assert answer.is_success, answer.text
        else:
            assert answer.status_code == expect, answer.text
        return answer.json()

    async def decide(self, step: str, proposal: Any, *, headers: dict[str, str] | None = None) -> httpx.Response:
        place = f"{PROPOSALS}/{proposal['proposal_id']}/{step}"
        return await self.http.post(place, json={"reason": "已核对合同"}, headers=headers or self.second)

    async def call_together(self, method: str, path: str, body: Any) -> Any:
        """Propose and approve. Returns the answer to the proposal."""
        proposal = await self.call(method, path, body, expect=202)
        approved = await self.decide("approve", proposal)
        assert approved.status_code == 200, approved.text
        return proposal

    async def partner(self, partner_id: str, **changes: Any) -> Any:
        await self.call_together("POST", "", terms(partner_id, **changes))
        return await self.call("GET", f"/{partner_id}")

    async def key(self, partner_id: str, algorithm: str = cp1.HMAC_SHA256, **more: Any) -> Any:
        """A key as its first operator gets it, usable."""
        body = {"algorithm": algorithm, "reason": "首个密钥", **more}
        if more.get("environment") == "sandbox":
            return await self.call("POST", f"/{partner_id}/keys", body, expect=201)
        return await self.call_together("POST", f"/{partner_id}/keys", body)

    async def signer(self, partner_id: str, **more: Any) -> Signer:
        made = await self.key(partner_id, **more)
        return Signer(self.http, made["app_key"], Pair(cp1.HMAC_SHA256, made["secret"], ""))


def accepted_by(signer: Signer, partner_id: str, status: int = 202) -> Any:
    """A condition on the answer to one event."""
    body = json.dumps([event("o-1", partner=partner_id)]).encode()

    async def condition() -> bool:
        return (await signer.post(body)).status_code == status

    return condition
