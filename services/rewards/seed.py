"""Adds the first items and a campaign to a new programme: `python -m services.rewards.seed`.

It can run at every start: existing rows are not changed, and pools are filled once.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from services.rewards.budgets import service as budgets
from services.rewards.budgets.service import Sponsor
from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.domain import Terms
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.service import ItemTexts
from services.rewards.settings import Settings
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import clock
from shared.db import Database, Session
from shared.language import Text
from shared.production import Finding, UnsafeSettings

CAMPAIGN_DAYS = 365
TONNE_MG = 1_000_000_000
MARATHON_TARGET_MG = 30 * TONNE_MG


@dataclass(frozen=True, slots=True)
class SeedItem:
    """Prices follow the reward value of the programme, about 2,000 CNY a tonne: 10 yuan are 5 kg."""

    item_id: str
    texts: ItemTexts
    category: str
    price_mg: int
    price_fen: int
    per_user_limit: int
    stock: int
    sponsor: Sponsor

    @property
    def budget_id(self) -> str:
        return f"{self.item_id}-{self.sponsor.sponsor_id}"


ITEMS = (
    SeedItem(
        item_id="reganmian",
        texts=ItemTexts(
            Text("一碗热干面", "A bowl of hot dry noodles"),
            Text("凭券在合作早餐门店兑换热干面一碗。", "One bowl at a partner breakfast shop."),
        ),
        category="food",
        price_mg=5_000_000,
        price_fen=1_000,
        per_user_limit=1,
        stock=1_000,
        sponsor=Sponsor("guozao", Text("过早联盟", "Breakfast Alliance")),
    ),
    SeedItem(
        item_id="donghu-boat",
        texts=ItemTexts(
            Text("东湖船票", "East Lake boat ticket"),
            Text("东湖游船单程票一张。", "One single trip on East Lake."),
        ),
        category="travel",
        price_mg=20_000_000,
        price_fen=4_000,
        per_user_limit=2,
        stock=200,
        sponsor=Sponsor("donghu", Text("东湖风景区", "East Lake Scenic Area")),
    ),
)


async def _add_item(session: Session, seed_item: SeedItem, sealer: CodeSealer) -> None:
    await budgets.open_budget(
        session,
        budget_id=seed_item.budget_id,
        sponsor=seed_item.sponsor,
        limit_fen=seed_item.price_fen * seed_item.stock,
    )
    await catalogue.offer_item(
        session,
        item_id=seed_item.item_id,
        texts=seed_item.texts,
        category=seed_item.category,
        price_mg=seed_item.price_mg,
        price_fen=seed_item.price_fen,
        budget_id=seed_item.budget_id,
        per_user_limit=seed_item.per_user_limit,
    )
    loaded = await catalogue.lock_stock(session, item_id=seed_item.item_id)
    if loaded == 0:
        codes = [new_code() for _ in range(seed_item.stock)]
        await vouchers.load_codes(session, sealer=sealer, item_id=seed_item.item_id, codes=codes)


async def _open_campaign(session: Session) -> None:
    opens = clock.now()
    await campaigns.open_campaign(
        session,
        campaign_id="zero-carbon-marathon",
        title=Text("零碳马拉松", "Zero-carbon marathon"),
        description=Text("捐出减碳量，抵消赛事排放。", "Give grams to offset the emissions of the race."),
        target_mg=MARATHON_TARGET_MG,
        terms=Terms(opens, opens + timedelta(days=CAMPAIGN_DAYS), min_mg=1_000, max_mg=100_000_000),
    )


async def seed(settings: Settings) -> None:
    """Raises UnsafeSettings: its vouchers buy nothing in a real shop."""
    if settings.profile == "production":
        raise UnsafeSettings([Finding("services.rewards.seed", "演示商品与活动", "items and a campaign of the demo")])
    database = Database(settings.database_url, pool_size=1, application_name="rewards-seed")
    try:
        async with database.transaction() as session:
            for seed_item in ITEMS:
                await _add_item(session, seed_item, CodeSealer(settings.voucher_keys))
            await _open_campaign(session)
    finally:
        await database.stop()


if __name__ == "__main__":
    asyncio.run(seed(Settings()))
