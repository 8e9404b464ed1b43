"""One citizen binds in all four ways and earns through each. Later the bike company says that its customer has left."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from deploy.demo.events import Event
from deploy.demo.gateway import DemoFailure, push_and_settle
from deploy.demo.life.acts import Reference, Reporter
from deploy.demo.life.person import ACCOUNTS, Person, require

PARTNER_BINDINGS = f"{ACCOUNTS}/partner/bindings"
WAYS = 4
DEPOSIT_G = 4000
REFUSED = "CONSENT_WITHDRAWN"
_REVOKED_WITHIN_S = 60
_TAKEN_BACK_WITHIN_S = 60
_PAUSE_S = 0.5


class Bindings:
    """The bindings of a person who is a customer of four partners. `since` is the midnight before yesterday's acts."""

    def __init__(self, person: Person, reporter: Reporter, since: datetime) -> None:
        self._person, self._reporter, self._since = person, reporter, since
        self.references: dict[str, Reference] = {}
        self.binding_ids: dict[str, str] = {}

    async def bind_all(self) -> None:
        await self._by_oauth()
        await self._by_phone()
        await self._by_token()
        await self._by_account_no()

    async def _bind(self, partner_id: str, mode: str, **more: str) -> dict[str, Any]:
        body = {"partner_id": partner_id, "mode": mode, "counts_from": self._since.isoformat(), **more}
        bound: dict[str, Any] = await self._person.call(201, "POST", f"{ACCOUNTS}/me/bindings", body)
        self.binding_ids[partner_id] = bound["binding_id"]
        return bound

    async def _by_oauth(self) -> None:
        """Confirm at the bike company, which has its own name for the person."""
        gateway, customer = self._person.gateway, self._person.names.customer
        path = f"{ACCOUNTS}/me/bindings/authorizations"
        started = await self._person.call(201, "POST", path, {"partner_id": "bike"})
        back = await gateway.confirm_at_partner(started["authorization_url"], customer)
        await self._bind("bike", "oauth", **back)
        known = await gateway.at_partner("GET", f"/bike/customers/{customer}")
        self.references["bike"] = {"type": "open_id", "value": known["open_id"]}

    async def _by_phone(self) -> None:
        """The metro company knows the same number and hashes it itself."""
        names = self._person.names
        await self._bind("metro", "phone_hash")
        path = f"/metro/customers/{names.customer}"
        self.references["metro"] = await self._person.gateway.at_partner("PUT", path, {"phone": names.phone})

    async def _by_token(self) -> None:
        """The recycling machine scans the code on the phone."""
        person = self._person
        shown = await person.call(201, "POST", f"{ACCOUNTS}/me/bindings/token", {"partner_id": "recycler"})
        body = json.dumps({"token": shown["token"], "partner_account": person.names.customer}).encode()
        recycler = person.gateway.partners["recycler"]
        answer = await person.gateway.request_signed(recycler, "POST", PARTNER_BINDINGS, body, "application/json")
        require(answer.status_code == 201, "回收箱扫码绑定 the recycler confirms the code", answer.text[:300])
        self.references["recycler"] = {"type": "open_id", "value": person.names.customer}

    async def _by_account_no(self) -> None:
        """The electricity company has not confirmed the number yet."""
        bound = await self._bind("meter", "account_no")
        require(bound["status"] == "pending", "待电表公司确认 waits for the electricity company", bound)
        self.references["meter"] = {"type": "account_no", "value": self._person.account_no}

    def _acts(self) -> Mapping[str, Event]:
        """One act with each partner. The deposit happens now, because a scanned code counts from its scan on."""
        known, morning = self.references, self._since + timedelta(hours=8)
        now = datetime.now(self._since.tzinfo)
        meter = self._person.names.meter
        return {
            "bike": self._reporter.trip("bike", known["bike"], morning),
            "metro": self._reporter.metro(known["metro"], morning + timedelta(hours=1)),
            "recycler": self._reporter.deposit(known["recycler"], now, weight_g=DEPOSIT_G),
            "meter": self._reporter.saving(known["meter"], self._since, morning, meter=meter),
        }

    async def earn(self) -> int:
        """Push all acts. The electricity company confirms after its event came: the event waited."""
        person, gateway = self._person, self._person.gateway
        work = [(gateway.partners[one], [event]) for one, event in self._acts().items()]
        waiting = asyncio.create_task(push_and_settle(gateway, work, lambda _count: None))
        await asyncio.sleep(_PAUSE_S)
        path = f"/meter/customers/{person.names.customer}"
        looked = await gateway.at_partner("PUT", path, {"account_no": person.account_no})
        require(looked["confirmed"] >= 1, "电表公司确认账户号 the electricity company confirms the number", looked)
        tally = await waiting
        require(tally.counts["credited"] == WAYS, "四种绑定各记一笔 each of the four ways earns", tally)
        return tally.counts["credited"]

    async def stop_sharing(self) -> str:
        """Withdraw the consent to the metro company. Its next ride is refused, the bike company's is credited.

        Return the reason. The record of the withdrawal may come after the event: accounting then takes the credit back.
        """
        await self._person.call(204, "DELETE", f"{ACCOUNTS}/me/consents?purpose=partner:metro")
        evening = self._since + timedelta(hours=18)
        ride = self._reporter.metro(self.references["metro"], evening)
        again = self._reporter.trip("bike", self.references["bike"], evening + timedelta(hours=1))
        gateway = self._person.gateway
        bike, metro = gateway.partners["bike"], gateway.partners["metro"]
        credited = await push_and_settle(gateway, [(bike, [again])], lambda _count: None)
        require(credited.counts["credited"] == 1, "其他合作方照常累计 another partner's act is credited", credited)
        receipt_id, _accepted = await gateway.push(metro, [ride])
        for _ in range(int(_TAKEN_BACK_WITHIN_S / _PAUSE_S)):
            tally = await gateway.wait_settled(metro, receipt_id)
            if dict(tally.refused_by_reason) == {REFUSED: 1}:
                return REFUSED
            await asyncio.sleep(_PAUSE_S)
        raise DemoFailure(f"撤回对地铁的同意之后不再累计 rides after the withdrawal are refused: {tally}")

    async def leave_bike(self) -> None:
        """The company says that its customer has left. Our worker then gives its tokens back."""
        gateway = self._person.gateway
        path = f"{PARTNER_BINDINGS}/{self.binding_ids['bike']}"
        answer = await gateway.request_signed(gateway.partners["bike"], "DELETE", path)
        require(answer.status_code == 204, "合作方解除绑定 the partner ends the binding", answer.text[:300])
        for _ in range(int(_REVOKED_WITHIN_S / _PAUSE_S)):
            if (await gateway.at_partner("GET", f"/bike/customers/{self._person.names.customer}"))["live_grants"] == 0:
                return
            await asyncio.sleep(_PAUSE_S)
        raise DemoFailure("合作方的令牌没有撤销 the partner's tokens were not revoked")
