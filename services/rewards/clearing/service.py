"""Use cases of the settlement: show a day, close the days that are over.

A day holds the redemptions that were recorded in it, by the local day of the database's clock, without those undone. It
is closed fifteen minutes after its end. From then on none of them can be undone, so the sums stay.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from services.rewards.budgets import service as budgets
from services.rewards.catalogue import service as catalogue
from services.rewards.clearing import repository
from services.rewards.clearing.domain import closes_at, last_closable_day, local_day
from services.rewards.clearing.errors import DayNotReached
from services.rewards.disputes import service as disputes
from services.rewards.merchants import service as merchants
from services.rewards.redemptions import service as redemptions
from shared import clock
from shared.db import Session
from shared.language import Text

_log = structlog.get_logger(__name__)
_DAYS_PER_RUN = 31
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """What a sponsor owes a shop for an item. `adjusted_fen`: of disputes decided on this day, may be negative."""

    merchant_id: str
    shop_id: str
    shop: Text
    sponsor_id: str
    sponsor: Text
    item_id: str
    item: Text
    pieces: int
    fen: int
    adjusted_fen: int

    @property
    def total_fen(self) -> int:
        return self.fen + self.adjusted_fen


@dataclass(frozen=True, slots=True)
class DaySettlement:
    """`merchant`: its name, if the settlement is of one merchant only."""

    day: date
    closed_at: datetime | None
    closes_at: datetime
    lines: tuple[Line, ...]
    merchant: Text | None = None

    @property
    def pieces(self) -> int:
        return sum(line.pieces for line in self.lines)

    @property
    def fen(self) -> int:
        return sum(line.fen for line in self.lines)

    @property
    def adjusted_fen(self) -> int:
        return sum(line.adjusted_fen for line in self.lines)

    @property
    def total_fen(self) -> int:
        return self.fen + self.adjusted_fen


async def get_settlement(
    session: Session, *, day: date, merchant_id: str | None = None, shop_id: str | None = None
) -> DaySettlement:
    """Return the settlement of a day, of one merchant or shop or of all. An open day may still change.

    Raises DayNotReached.
    """
    if day > local_day(clock.now()):
        raise DayNotReached
    closed = await repository.get_day(session, day)
    if closed is None:
        rows = _merged(
            await redemptions.sums_of_day(session, day=day), await disputes.adjustments_of_day(session, day=day)
        )
    else:
        rows = [dict(row._mapping) for row in await repository.lines_of(session, day)]
    kept = [row for row in rows if merchant_id in {None, row["merchant_id"]} and shop_id in {None, row["shop_id"]}]
    shops = await merchants.shop_names(session, shop_ids={row["shop_id"] for row in kept})
    sponsors = await budgets.sponsor_names(session, sponsor_ids={row["sponsor_id"] for row in kept})
    items = await catalogue.texts_of(session, item_ids={row["item_id"] for row in kept})
    merchant = await merchants.merchant_name(session, merchant_id=merchant_id) if merchant_id is not None else None
    return DaySettlement(
        day,
        closed.closed_at if closed is not None else None,
        closes_at(day),
        tuple(
            Line(
                merchant_id=row["merchant_id"],
                shop_id=row["shop_id"],
                shop=shops[row["shop_id"]],
                sponsor_id=row["sponsor_id"],
                sponsor=sponsors[row["sponsor_id"]],
                item_id=row["item_id"],
                item=items[row["item_id"]].title,
                pieces=row["pieces"],
                fen=row["fen"],
                adjusted_fen=row["adjusted_fen"],
            )
            for row in kept
        ),
        merchant,
    )


def _merged(sums: Sequence[Any], adjustments: Sequence[Any]) -> list[dict[str, Any]]:
    """Put the sums of redemptions and of decided disputes together, by shop, sponsor and item."""
    found: dict[_Key, dict[str, int]] = defaultdict(lambda: {"pieces": 0, "fen": 0, "adjusted_fen": 0})
    for row in sums:
        line = found[row.merchant_id, row.shop_id, row.sponsor_id, row.item_id]
        line["pieces"], line["fen"] = row.pieces, int(row.fen)
    for row in adjustments:
        found[row.merchant_id, row.shop_id, row.sponsor_id, row.item_id]["adjusted_fen"] = int(row.fen)
    names = ("merchant_id", "shop_id", "sponsor_id", "item_id")
    return [{**dict(zip(names, key, strict=True)), **found[key]} for key in sorted(found)]


async def close_due(session: Session) -> None:
    """Timed job: close the days that are over for good, the oldest first. Two processes take turns."""
    last = last_closable_day(clock.now())
    await repository.take_turn(session)
    newest = await repository.newest_day(session)
    first = await redemptions.oldest_open_day(session) or last
    day = min(first, last) if newest is None else newest + timedelta(days=1)
    for _ in range(_DAYS_PER_RUN):
        if day > last:
            return
        await _close(session, day)
        day += timedelta(days=1)


async def _close(session: Session, day: date) -> None:
    rows = _merged(await redemptions.clear(session, day=day), await disputes.clear_adjustments(session, day=day))
    totals = {name: sum(row[name] for row in rows) for name in ("pieces", "fen", "adjusted_fen")}
    await repository.add_day(session, {"day": day, **totals}, [{"day": day, **row} for row in rows])
    _log.info("merchants_settled", day=day.isoformat(), **totals)
