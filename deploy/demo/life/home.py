"""A household of two with a rule for its grams, and a family card for a relative without a phone."""

import asyncio
from datetime import datetime
from typing import Any

from deploy.demo.events import SHANGHAI
from deploy.demo.gateway import DemoFailure, push_and_settle
from deploy.demo.life.acts import Reference, Reporter
from deploy.demo.life.person import ACCOUNTING, ACCOUNTS, CONSENT, Person, require
from deploy.demo.life.shopping import donate
from deploy.demo.steps import MARATHON

LIMIT_MG = 10_000_000
TOGETHER_MG = 20_000
CARD_MG = 100_000
_KNOWN_WITHIN_S = 30
_PAUSE_S = 0.5


class Home:
    """Two people who live together. The first one opens the household and owns it."""

    def __init__(self, owner: Person, other: Person) -> None:
        self.owner, self.other = owner, other
        self.household_id = self.account_id = ""

    def _path(self, rest: str) -> str:
        return f"{ACCOUNTS}/households/{self.household_id}{rest}"

    async def open(self) -> None:
        names = self.owner.names
        wanted = {"name": names.home, "nickname": names.nickname, "meter_ref": names.meter}
        opened = await self.owner.call(201, "POST", f"{ACCOUNTS}/households", wanted)
        self.household_id, self.account_id = opened["household_id"], opened["account_id"]
        code = (await self.owner.call(201, "POST", self._path("/invitations")))["token"]
        joining = {"token": code, "nickname": self.other.names.nickname}
        joined = await self.other.call(201, "POST", f"{ACCOUNTS}/households/join", joining)
        shown = {one["nickname"] for one in joined["people"]}
        require(shown == {names.nickname, joining["nickname"]}, "家人互见昵称 members see nicknames", joined)

    async def agree_on_rule(self) -> None:
        """Each of the two may use so much a month."""
        await self.owner.call(200, "PUT", self._path("/rule"), {"kind": "any_member_up_to", "limit_mg": LIMIT_MG})
        agreed = await self.other.call(200, "POST", self._path("/rule/agree"))
        require(agreed["rule"]["kind"] == "any_member_up_to", "家人都同意用碳规则 both agreed to the rule", agreed)

    async def ride(self, reporter: Reporter, at_partner: Reference) -> None:
        """The owner rides a moped, which counts for the household once accounting knows who lives there."""
        path = f"{ACCOUNTING}/households/{self.household_id}/balance"
        for person in (self.owner, self.other):
            await _once_known(person, "GET", path)
        trip = reporter.trip("bike", at_partner, datetime.now(SHANGHAI), vehicle="moped")
        gateway = self.owner.gateway
        tally = await push_and_settle(gateway, [(gateway.partners["bike"], [trip])], lambda _count: None)
        require(tally.counts["credited"] == 1, "骑行记入家庭 the ride counts for the household", tally)

    async def agree_on_donation(self) -> str:
        """Propose a donation of the household's grams; the other member agrees. Return the agreement."""
        path = f"{ACCOUNTING}/households/{self.household_id}/agreements"
        about = {"about": f"donation:{MARATHON}", "amount_mg": TOGETHER_MG}
        proposed = await self.owner.call(201, "POST", path, about)
        agreed = await self.other.call(200, "POST", f"{path}/{proposed['agreement_id']}/agree")
        require(agreed["complete"], "家人都同意这笔捐赠 both agreed to the donation", agreed)
        return str(agreed["agreement_id"])

    async def spend_together(self, request_id: str) -> list[str]:
        """Donate from the household twice: as both agreed, and by the rule. Return how each ended."""
        agreement_id = await self.agree_on_donation()
        of_home = {"account_id": self.account_id}
        agreed = await donate(self.owner, TOGETHER_MG, f"{request_id}-1", **of_home, agreement_id=agreement_id)
        for attempt in range(int(_KNOWN_WITHIN_S / _PAUSE_S)):
            by_rule = await donate(self.other, TOGETHER_MG, f"{request_id}-2-{attempt}", **of_home)
            if by_rule != "AGREEMENT_REQUIRED":  # so it is until accounting knows the rule
                break
            await asyncio.sleep(_PAUSE_S)
        return [agreed, by_rule]


async def _once_known(person: Person, method: str, path: str) -> Any:
    """Ask until accounting knows who lives in the household: it learns so from a topic."""
    for _ in range(int(_KNOWN_WITHIN_S / _PAUSE_S)):
        status, answer = await person.answer(method, path)
        if status == 200:
            return answer
        await asyncio.sleep(_PAUSE_S)
    raise DemoFailure(f"核算服务还不知道这个家庭 accounting does not know the household: {answer}")


async def use_family_card(person: Person, reporter: Reporter, request_id: str) -> str:
    """Open a card for a relative, who rides the metro with it. The proxy donates. Return the id of the card."""
    wanted = {"kind": "paper", "label": person.names.card, "consent": CONSENT}
    card = (await person.call(201, "POST", f"{ACCOUNTS}/me/family-cards", wanted))["card"]
    await person.call(201, "POST", f"{ACCOUNTS}/me/family-cards/{card['card_id']}/bindings", {"partner_id": "metro"})
    ride = reporter.metro({"type": "account_no", "value": card["account_no"]}, datetime.now(SHANGHAI))
    gateway = person.gateway
    tally = await push_and_settle(gateway, [(gateway.partners["metro"], [ride])], lambda _count: None)
    require(tally.counts["credited"] == 1, "亲情卡的行程记入卡的账户 the card earns", tally)
    donated = await donate(person, CARD_MG, request_id, account_id=card["account_id"])
    require(donated == "confirmed", "代管人用卡里的减碳量捐赠 the proxy donates the card's grams", donated)
    return str(card["card_id"])
