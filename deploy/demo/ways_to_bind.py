"""One citizen binds in all four ways, earns through each, and leaves one of the partners."""

import asyncio
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from deploy.demo.events import Event, make_event
from deploy.demo.gateway import DemoFailure, Gateway, push_and_settle
from deploy.demo.steps import Advance, Citizen, new_citizen, require

PARTNER_BINDINGS = "/api/v1/accounts/partner/bindings"
WAYS = 4
_REVOKED_WITHIN_S = 60
_PAUSE_S = 0.5

Reference = dict[str, str]


class Visitor:
    """A citizen with the same name at every partner."""

    def __init__(self, gateway: Gateway, citizen: Citizen, name: str, since: datetime) -> None:
        self._gateway, self.citizen, self.name, self._since = gateway, citizen, name, since

    async def call(self, method: str, path: str, body: object, status: int = 201) -> Any:
        return await self._gateway.expect(
            [status], method, f"/api/v1/accounts{path}", token=self.citizen.token, body=body
        )

    async def bind(self, partner_id: str, mode: str, **more: str) -> dict[str, Any]:
        body = {"partner_id": partner_id, "mode": mode, "counts_from": self._since.isoformat(), **more}
        bound: dict[str, Any] = await self.call("POST", "/me/bindings", body)
        return bound

    async def by_oauth(self) -> tuple[Reference, str]:
        """Confirm at the bike company. Return its name of the person, and the binding."""
        started = await self.call("POST", "/me/bindings/authorizations", {"partner_id": "bike"})
        back = await self._gateway.confirm_at_partner(started["authorization_url"], self.name)
        bound = await self.bind("bike", "oauth", **back)
        known = await self._gateway.at_partner("GET", f"/bike/customers/{self.name}")
        return {"type": "open_id", "value": known["open_id"]}, bound["binding_id"]

    async def by_phone(self) -> Reference:
        """The metro company knows the same number and hashes it itself."""
        number = f"139{secrets.randbelow(10**8):08d}"
        await self.call("PUT", "/me/phone", {"code": f"dev-phone:{number}"}, status=200)
        await self.bind("metro", "phone_hash")
        reference: Reference = await self._gateway.at_partner("PUT", f"/metro/customers/{self.name}", {"phone": number})
        return reference

    async def by_token(self) -> Reference:
        """The recycling machine scans the code on the phone."""
        shown = await self.call("POST", "/me/bindings/token", {"partner_id": "recycler"})
        body = json.dumps({"token": shown["token"], "partner_account": self.name}).encode()
        recycler = self._gateway.partners["recycler"]
        answer = await self._gateway.request_signed(recycler, "POST", PARTNER_BINDINGS, body, "application/json")
        require(answer.status_code == 201, "回收箱扫码绑定 the recycler confirms the code", answer.text[:300])
        return {"type": "open_id", "value": self.name}

    async def by_account_no(self) -> Reference:
        """The electricity company has not confirmed the number yet."""
        bound = await self.bind("meter", "account_no")
        require(bound["status"] == "pending", "待电表公司确认 waits for the electricity company", bound)
        return {"type": "account_no", "value": self.citizen.account_no}


def _acts(gateway: Gateway, name: str, since: datetime, references: dict[str, Reference]) -> dict[str, Event]:
    """One act with each partner. The deposit happens now, because a scanned code counts from its scan on."""
    start, now = since + timedelta(hours=8), datetime.now(since.tzinfo)
    end = start + timedelta(minutes=6)
    data: dict[str, tuple[str, datetime, dict[str, Any]]] = {
        "bike": (
            "trip.completed.v1",
            end,
            {
                "trip_id": f"{name}-trip",
                "vehicle_type": "bicycle",
                "propulsion_type": "human",
                "start_time": start.isoformat(),
                "end_time": end.isoformat(),
                "duration": 360,
                "distance": 1000,
            },
        ),
        "metro": (
            "transit.ridden.v1",
            start + timedelta(hours=1),
            {
                "ride_id": f"{name}-ride",
                "vehicle_type": "metro",
                "boarded_at": (start + timedelta(minutes=40)).isoformat(),
                "alighted_at": (start + timedelta(hours=1)).isoformat(),
            },
        ),
        "recycler": (
            "recycling.deposited.v1",
            now,
            {
                "deposit_id": f"{name}-deposit",
                "material": "paper",
                "weight_g": 1000,
                "machine_ref": "demo-machine-2",
                "occurred_at": now.isoformat(),
            },
        ),
        "meter": (
            "energy.saved.v1",
            start,
            {
                "meter_ref": f"{name}-meter",
                "period_start": since.isoformat(),
                "period_end": start.isoformat(),
                "energy_wh": 1000,
            },
        ),
    }
    return {
        partner_id: make_event(
            gateway.partners[partner_id].source,
            f"{name}-{partner_id}",
            kind,
            at,
            {"account_ref": references[partner_id], **content},
        )
        for partner_id, (kind, at, content) in data.items()
    }


async def bind_in_four_ways(gateway: Gateway, run: str, now: datetime, advance: Advance) -> dict[str, Any]:
    """The electricity company confirms after the event came: it waited. Then the citizen leaves the bike company."""
    since = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"demo-{run}-ways"
    visitor = Visitor(gateway, await new_citizen(gateway, name, [], since), name, since)
    bike, binding_id = await visitor.by_oauth()
    references = {
        "bike": bike,
        "metro": await visitor.by_phone(),
        "recycler": await visitor.by_token(),
        "meter": await visitor.by_account_no(),
    }
    acts = _acts(gateway, name, since, references)
    waiting = asyncio.create_task(
        push_and_settle(gateway, [(gateway.partners[one], [event]) for one, event in acts.items()], advance)
    )
    await asyncio.sleep(_PAUSE_S)
    looked = await gateway.at_partner("PUT", f"/meter/customers/{name}", {"account_no": visitor.citizen.account_no})
    require(looked["confirmed"] >= 1, "电表公司确认账户号 the electricity company confirms the number", looked)
    tally = await waiting
    require(tally.counts["credited"] == WAYS, "四种绑定各记一笔 each of the four ways earns", tally)
    await _leave_bike(gateway, name, binding_id)
    return {"credited": tally.counts["credited"]}


async def _leave_bike(gateway: Gateway, name: str, binding_id: str) -> None:
    """The company says that its customer has left. Our worker then gives its tokens back."""
    path = f"{PARTNER_BINDINGS}/{binding_id}"
    answer = await gateway.request_signed(gateway.partners["bike"], "DELETE", path)
    require(answer.status_code == 204, "合作方解除绑定 the partner ends the binding", answer.text[:300])
    for _ in range(int(_REVOKED_WITHIN_S / _PAUSE_S)):
        if (await gateway.at_partner("GET", f"/bike/customers/{name}"))["live_grants"] == 0:
            return
        await asyncio.sleep(_PAUSE_S)
    raise DemoFailure("合作方的令牌没有撤销 the partner's tokens were not revoked")
