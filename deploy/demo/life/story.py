"""The story in its stages, and the whole of it as the demo plays it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deploy.demo.gateway import Gateway
from deploy.demo.life import leaving, wechat
from deploy.demo.life.acts import Reporter
from deploy.demo.life.binding import Bindings
from deploy.demo.life.company import Company
from deploy.demo.life.home import Home, use_family_card
from deploy.demo.life.person import Names, Person, require
from deploy.demo.life.shopping import order_noodles
from deploy.demo.steps import Advance


@dataclass
class Life:
    """The citizen, a person of the same household, and what happened. Stages run in their order below."""

    gateway: Gateway
    run: str
    now: datetime
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        since = (self.now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.yesterday = since.date()
        self.citizen = Person(self.gateway, Names.drawn(f"{self.run}-a"))
        self.spouse = Person(self.gateway, Names.drawn(f"{self.run}-b"))
        self.reporter = Reporter(self.gateway, self.run)
        self.bindings = Bindings(self.citizen, self.reporter, since)
        self.home = Home(self.citizen, self.spouse)
        self.company = Company(self.citizen, self.spouse, f"江城会展 {self.run}")

    async def arrive(self) -> None:
        for person in (self.citizen, self.spouse):
            await person.log_in()
            await person.claim()
        await self.citizen.verify_phone()
        await wechat.ask_for_messages(self.citizen)

    async def bind(self) -> None:
        await self.bindings.bind_all()

    async def earn(self) -> None:
        self.told["credited"] = await self.bindings.earn()

    async def redeem(self) -> None:
        """A bowl of noodles, and the message about it on the phone."""
        self.told["order"] = (await order_noodles(self.citizen, f"{self.run}-life-bowl"))["status"]
        self.told["message"] = await wechat.received(self.citizen, wechat.ORDER_CONFIRMED)

    async def found_home(self) -> None:
        await self.home.open()
        await self.home.agree_on_rule()
        await self.home.ride(self.reporter, self.bindings.references["bike"])

    async def spend_together(self) -> None:
        self.told["household"] = await self.home.spend_together(f"{self.run}-life-home")

    async def care(self) -> None:
        self.told["family_card"] = await use_family_card(self.citizen, self.reporter, f"{self.run}-life-card")

    async def stop_sharing(self) -> None:
        self.told["withdrawn"] = await self.bindings.stop_sharing()

    async def walk(self) -> None:
        """Steps count from the day after the consent on."""
        await wechat.allow_steps(self.citizen)
        self.told["steps"] = await wechat.report_steps(self.citizen, self.yesterday)

    async def found_company(self) -> None:
        await self.company.apply()
        await self.company.open()
        self.told["enterprise_members"] = len(await self.company.add_clerk())

    async def leave_bike(self) -> None:
        await self.bindings.leave_bike()

    async def export(self) -> bytes:
        archive = await leaving.export(self.citizen)
        self.told["export_rows"] = leaving.count_rows(archive)
        return archive

    async def erase(self) -> None:
        self.told["erasure"] = await leaving.erase(self.citizen)


def stages(life: Life) -> tuple[Callable[[], Awaitable[object]], ...]:
    return (
        life.arrive,
        life.bind,
        life.earn,
        life.redeem,
        life.found_home,
        life.spend_together,
        life.care,
        life.stop_sharing,
        life.walk,
        life.found_company,
        life.leave_bike,
        life.export,
        life.erase,
    )


STAGES = 13


async def play(gateway: Gateway, run: str, now: datetime, advance: Advance) -> dict[str, Any]:
    """Play all stages. Return what `demo.json` tells. Nothing in it names the person."""
    life = Life(gateway, run, now)
    for stage in stages(life):
        await stage()
        advance(1)
    told = life.told
    require(told["household"] == ["confirmed"] * 2, "家庭一起用碳 the household spends together", told["household"])
    return {name: told[name] for name in _TOLD}


_TOLD = (
    "credited",
    "order",
    "household",
    "withdrawn",
    "steps",
    "enterprise_members",
    "export_rows",
    "erasure",
)
