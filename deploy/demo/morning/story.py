"""The morning in its stages, and the whole of it as the demo plays it."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from deploy.demo.events import SHANGHAI
from deploy.demo.gateway import Gateway, push_and_settle
from deploy.demo.life.acts import Reporter
from deploy.demo.life.person import ACCOUNTS, REWARDS, Names, Person, require
from deploy.demo.life.shopping import donate, order_item
from deploy.demo.morning.counter import Till, show_voucher
from deploy.demo.morning.desk import MERCHANTS, Desk
from deploy.demo.morning.honours import join_rankings, wait_for_badges, wait_for_rank
from deploy.demo.morning.picture import picture
from deploy.demo.steps import Advance

# A yuan of the sponsor at 2,000 yuan a tonne. A kilogram of paper earns three times as much.
PRICE_MG: Final = 500_000
PRICE_FEN: Final = 100
DEPOSIT_G: Final = 1_000
CODES: Final = 20
GIFT_MG: Final = 100_000
# Too little for one piece, until two persons raise it.
FIRST_LIMIT_FEN, RAISED_FEN = PRICE_FEN - 1, CODES * PRICE_FEN


@dataclass
class Morning:
    """Stages run in their order below. `directory` gets the settlement as PDF."""

    gateway: Gateway
    run: str
    directory: Path
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self.gateway)
        self.till = Till(self.gateway, self.run)
        self.guest = Person(self.gateway, Names.drawn(f"{self.run}-m"))
        self.item_id, self.budget_id = f"doujiang-{self.run}", f"doujiang-budget-{self.run}"
        self.merchant_id, self.shop_id = f"doujiang-{self.run}", f"doujiang-hubu-{self.run}"
        self.codes = [f"DJ-{self.run.upper()}-{number:04}" for number in range(CODES)]
        self.order: dict[str, Any] = {}
        self.voucher: dict[str, Any] = {}

    async def open_shop(self) -> None:
        """A merchant by two persons, its shop, and a till that scans a QR code."""
        names = {"name": "户部巷豆浆铺", "name_en": "Hubu Lane Soy Milk"}
        await self.desk.by_two("/merchants", {"merchant_id": self.merchant_id, **names}, decided_at=MERCHANTS)
        shop = {"shop_id": self.shop_id, "name": "豆浆铺总店", "name_en": "Main shop", "address": "武昌区户部巷"}
        await self.desk.by_one(201, "POST", f"/merchants/{self.merchant_id}/shops", shop)
        asked = await self.desk.by_one(201, "POST", f"/shops/{self.shop_id}/till-enrolments", {"name": "一号收银台"})
        require(asked["qr_svg"].startswith("<svg"), "登记码有二维码 the enrolment code has a QR code", asked)
        await self.till.enrol(asked["code"])

    async def open_budget(self) -> None:
        sponsor = {"sponsor_id": "guozao", "sponsor_zh": "过早联盟", "sponsor_en": "Breakfast Alliance"}
        await self.desk.by_two("/budgets", {"budget_id": self.budget_id, "limit_fen": FIRST_LIMIT_FEN, **sponsor})

    async def add_item(self) -> None:
        """Upload the picture, draft the item, publish it by two. Anybody can see both."""
        content = picture()
        digest = hashlib.sha256(content).hexdigest()
        uploaded = await self.desk.upload(f"/pictures?sha256={digest}", "image/png", content)
        item = {
            "item_id": self.item_id,
            "title_zh": "自带杯豆浆减一元",
            "title_en": "Soy milk in your own cup",
            "category": "food",
            "pictures": [digest],
            "price_mg": PRICE_MG,
            "price_fen": PRICE_FEN,
            "budget_id": self.budget_id,
            "shops": [self.shop_id],
        }
        await self.desk.by_one(201, "POST", "/items", item)
        await self.desk.by_two(f"/items/{self.item_id}/publish")
        shown = await self.gateway.expect([200], "GET", f"{REWARDS}/items/{self.item_id}")
        require(shown["images"] == [uploaded["path"]], "商品有图片 the item has its picture", shown)
        served = await self.gateway.request("GET", uploaded["path"])
        require(served.content == content, "图片原样送出 the picture is served as uploaded", served.status_code)
        self.told["picture_bytes"] = len(content)

    async def import_pool(self) -> None:
        """Import the merchant's codes, twice. The second time adds nothing."""
        lines = "\n".join(["券码", *self.codes, self.codes[0], "不是券码"])
        path = f"/voucher-imports?item_id={self.item_id}&reason=first"
        first = await self.desk.upload(path, "text/csv", lines.encode())
        counts = {name: first[name] for name in ("added", "known", "repeated", "refused")}
        require(
            counts == {"added": CODES, "known": 0, "repeated": 1, "refused": 1},
            "每行都有结果 each line has its result",
            first,
        )
        again = await self.desk.upload(path, "text/csv", lines.encode())
        require((again["added"], again["known"]) == (0, CODES), "重复导入无害 importing twice is harmless", again)
        self.told["codes"] = first["added"]

    async def earn(self) -> None:
        """A guest with some grams: a kilogram of paper, yesterday."""
        guest, yesterday = self.guest, datetime.now(SHANGHAI) - timedelta(days=1)
        await guest.log_in()
        await guest.claim()
        since = yesterday.replace(hour=0, minute=0, second=0, microsecond=0)
        bound = {"partner_id": "recycle", "mode": "account_no", "counts_from": since.isoformat()}
        await guest.call(201, "POST", f"{ACCOUNTS}/me/bindings", bound)
        who = {"type": "account_no", "value": guest.account_no}
        reporter, at = Reporter(self.gateway, f"{self.run}-m"), since + timedelta(hours=8)
        deposit = reporter.deposit(who, at, weight_g=DEPOSIT_G, partner_id="recycle")
        tally = await push_and_settle(self.gateway, [(self.gateway.partners["recycle"], [deposit])], lambda _n: None)
        require(tally.counts["credited"] == 1, "回收应累计 the deposit is credited", tally)

    async def raise_budget(self) -> None:
        """The budget does not pay one piece. Two persons raise it."""
        order = {"item_id": self.item_id, "quantity": 1, "client_request_id": f"{self.run}-m-early"}
        status, refused = await self.guest.answer("POST", f"{REWARDS}/orders", order, key=f"{self.run}-m-early")
        require((status, refused["code"]) == (409, "BUDGET_EXHAUSTED"), "预算是硬上限 a budget is a limit", refused)
        self.told["before_raise"] = refused["code"]
        await self.desk.by_two(f"/budgets/{self.budget_id}/raise", {"limit_fen": RAISED_FEN})

    async def redeem(self) -> None:
        self.order = await order_item(self.guest, self.item_id, f"{self.run}-m-order")
        self.voucher = await show_voucher(self.guest, self.order["vouchers"][0]["voucher_id"])
        require(self.voucher["code"] in self.codes, "券码来自券池 the code is of the pool", self.voucher["status"])

    async def accept(self) -> None:
        redeemed = await self.till.accept(self.voucher["qr"])
        require(redeemed["fen"] == PRICE_FEN, "核销记赞助方应付 the redemption has its price", redeemed)
        used = await show_voucher(self.guest, self.voucher["voucher_id"])
        require(used["used_shop"]["shop_id"] == self.shop_id, "券显示已用 the voucher shows where it was used", used)
        self.told["voucher"] = used["status"]

    async def settle(self) -> None:
        """The day of the shop equals what the till accepted, as JSON, CSV and PDF."""
        asked = f"day={datetime.now(SHANGHAI).date()}&merchant_id={self.merchant_id}"
        found = await self.desk.by_one(200, "GET", f"/settlements?{asked}")
        sums = (found["pieces"], found["fen"], found["total_fen"])
        require(sums == (1, PRICE_FEN, PRICE_FEN), "日结等于核销 the settlement equals the redemptions", found)
        table = (await self.desk.download(f"/settlements.csv?{asked}", "text/csv")).decode("utf-8-sig")
        require(table.splitlines()[-1].endswith(f",1,{PRICE_FEN},0,{PRICE_FEN}"), "CSV 合计一致 the sums agree", table)
        paper = await self.desk.download(f"/settlements.pdf?{asked}", "application/pdf")
        require(paper.startswith(b"%PDF-"), "日结单是 PDF the settlement is a PDF", paper[:20])
        (self.directory / "settlement.pdf").write_bytes(paper)
        self.told |= {"settled_pieces": found["pieces"], "settled_fen": found["total_fen"], "pdf_bytes": len(paper)}
        self.told["by_two"] = self.desk.decided

    async def recognise(self) -> None:
        """The guest gives some grams to the marathon, and is on a board only after agreeing to it."""
        before = await self.guest.call(200, "GET", f"{REWARDS}/me/rank?scope=city&period=all")
        require(before["rank"] is None, "未同意就不上榜 nobody is ranked without a consent", before)
        pseudonym = await join_rankings(self.guest)
        given = await donate(self.guest, GIFT_MG, f"{self.run}-m-gift")
        require(given in {"confirmed", "pending"}, "捐赠 a donation", given)
        line = await wait_for_rank(self.guest)
        require(line["pseudonym"] == pseudonym, "榜上只有代号 the board shows the pseudonym", line)
        self.told |= {"badges": await wait_for_badges(self.guest), "rank": line["rank"], "pseudonym": pseudonym}


def stages(morning: Morning) -> tuple[Callable[[], Awaitable[None]], ...]:
    return (
        morning.open_shop,
        morning.open_budget,
        morning.add_item,
        morning.import_pool,
        morning.earn,
        morning.raise_budget,
        morning.redeem,
        morning.accept,
        morning.settle,
        morning.recognise,
    )


STAGES: Final = 10


async def play(gateway: Gateway, run: str, directory: Path, advance: Advance) -> dict[str, Any]:
    """Play all stages. Return what `demo.json` tells."""
    morning = Morning(gateway, run, directory)
    for stage in stages(morning):
        await stage()
        advance(1)
    return morning.told
