"""Adds the first items and a campaign to a new programme: `python -m services.rewards.seed`.

The items stand in `demo_mall.yaml`. It can run at every start: existing rows are not changed, pools are filled once.
"""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.rewards.budgets import service as budgets
from services.rewards.budgets.service import Sponsor
from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.domain import CampaignKind, Terms
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.domain import Limits
from services.rewards.catalogue.service import ItemTexts
from services.rewards.categories import service as categories
from services.rewards.categories.service import Category
from services.rewards.settings import Settings
from services.rewards.slugs import SLUG_PATTERN
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import clock
from shared.db import Database, Session
from shared.language import Text
from shared.production import Finding, UnsafeSettings

CAMPAIGN_DAYS = 365
TONNE_MG = 1_000_000_000
MARATHON_TARGET_MG = 30 * TONNE_MG
DATA: Final = Path(__file__).with_name("demo_mall.yaml")

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Positive = Annotated[int, Field(gt=0, strict=True)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Words(_Data):
    zh: Words
    en: Words

    @property
    def text(self) -> Text:
        return Text(self.zh, self.en)


class SeedCategory(_Words):
    id: Slug
    position: int


class SeedSponsor(_Words):
    id: Slug


class SeedItem(_Data):
    """`unverified`: figures for which no published source was found."""

    id: Slug
    title: _Words
    description: _Words
    category: Slug
    sponsor: Slug
    price_mg: Positive
    price_fen: Positive
    per_user_limit: Positive | None = None
    per_day: Positive | None = None
    per_month: Positive | None = None
    promotion: Slug | None = None
    per_promotion: Positive | None = None
    stock: Positive
    unverified: frozenset[Literal["price_fen"]] = frozenset()

    @property
    def limits(self) -> Limits:
        return Limits(self.per_day, self.per_month, self.promotion, self.per_promotion)


class SeedMall(_Data):
    reward_fen_per_tonne: Positive
    categories: tuple[SeedCategory, ...]
    sponsors: tuple[SeedSponsor, ...]
    items: tuple[SeedItem, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Every item names what exists, and its price follows the one rule."""
        known = {one.id for one in self.categories}, {one.id for one in self.sponsors}
        for item in self.items:
            if item.category not in known[0] or item.sponsor not in known[1]:
                raise ValueError(f"{item.id}: unknown category or sponsor")
            if item.price_mg * self.reward_fen_per_tonne != item.price_fen * TONNE_MG:
                raise ValueError(f"{item.id}: its price in grams is not the one of its cost")
        if len({item.id for item in self.items}) != len(self.items):
            raise ValueError("an item occurs twice")
        return self


def load_mall() -> SeedMall:
    """Read the data. Raises ValidationError."""
    return SeedMall.model_validate(yaml.safe_load(DATA.read_text(encoding="utf-8")))


async def _add_item(session: Session, seed_item: SeedItem, sponsor: SeedSponsor, sealer: CodeSealer) -> None:
    budget_id = f"{seed_item.id}-{sponsor.id}"
    await budgets.open_budget(
        session,
        budget_id=budget_id,
        sponsor=Sponsor(sponsor.id, sponsor.text),
        limit_fen=seed_item.price_fen * seed_item.stock,
    )
    await catalogue.offer_item(
        session,
        item_id=seed_item.id,
        texts=ItemTexts(seed_item.title.text, seed_item.description.text),
        category=seed_item.category,
        price_mg=seed_item.price_mg,
        price_fen=seed_item.price_fen,
        budget_id=budget_id,
        per_user_limit=seed_item.per_user_limit,
        limits=seed_item.limits,
    )
    loaded = await catalogue.lock_stock(session, item_id=seed_item.id)
    if loaded == 0:
        codes = [new_code() for _ in range(seed_item.stock)]
        await vouchers.load_codes(session, sealer=sealer, item_id=seed_item.id, codes=codes)


async def _open_campaign(session: Session) -> None:
    opens = clock.now()
    await campaigns.open_campaign(
        session,
        campaign_id="zero-carbon-marathon",
        title=Text("零碳马拉松", "Zero-carbon marathon"),
        description=Text("捐出减碳量，抵消赛事排放。", "Give grams to offset the emissions of the race."),
        target_mg=MARATHON_TARGET_MG,
        kind=CampaignKind.EVENT,
        terms=Terms(opens, opens + timedelta(days=CAMPAIGN_DAYS), min_mg=1_000, max_mg=100_000_000),
    )


async def seed(settings: Settings) -> None:
    """Raises UnsafeSettings: its vouchers buy nothing in a real shop."""
    if settings.profile == "production":
        raise UnsafeSettings([Finding("services.rewards.seed", "演示商品与活动", "items and a campaign of the demo")])
    mall = load_mall()
    sponsors = {one.id: one for one in mall.sponsors}
    database = Database(settings.database_url, pool_size=1, application_name="rewards-seed")
    try:
        async with database.transaction() as session:
            await categories.add_missing(
                session, [Category(one.id, one.text, one.position, hidden=False) for one in mall.categories]
            )
            for seed_item in mall.items:
                await _add_item(session, seed_item, sponsors[seed_item.sponsor], CodeSealer(settings.voucher_keys))
            await _open_campaign(session)
    finally:
        await database.stop()


if __name__ == "__main__":
    asyncio.run(seed(Settings()))
