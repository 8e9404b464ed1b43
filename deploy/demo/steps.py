"""The four steps of the demo. Each checks its numbers and raises DemoFailure on a difference."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deploy.demo.events import (
    CITIZENS,
    ELECTRIC_CAR_DAYS,
    MONTH_DAYS,
    SHANGHAI,
    Event,
    VolunteerYear,
    read_trips,
    trip_event,
)
from deploy.demo.gateway import DemoFailure, Gateway, Tally, push_and_settle

MONTH_MG = 21_900_000
YEAR_MG = 267_000_000
NOODLES = "reganmian"
MARATHON = "zero-carbon-marathon"
DONATION_MG = 10_000_000
POLICY_VERSION = "2026-11"

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Citizen:
    token: str
    account_no: str


def require(ok: bool, promise: str, found: object) -> None:
    if not ok:
        raise DemoFailure(f"{promise}: {found}")


async def new_citizen(gateway: Gateway, openid: str, partners: Sequence[str], counts_from: datetime) -> Citizen:
    """Log in, open the carbon account (领取个人碳账户) and bind it to partners."""
    async with gateway.parallel:
        session = await gateway.expect(
            [201], "POST", "/api/v1/accounts/sessions", body={"code": gateway.code_prefix + openid}
        )
        token = session["access_token"]
        consent = {"consent": {"policy_version": POLICY_VERSION}}
        account = await gateway.expect(
            [200, 201], "POST", "/api/v1/accounts/me/carbon-account", token=token, body=consent
        )
        for partner_id in partners:
            binding = {"partner_id": partner_id, "mode": "account_no", "counts_from": counts_from.isoformat()}
            await gateway.expect([201], "POST", "/api/v1/accounts/me/bindings", token=token, body=binding)
    return Citizen(token, account["account_no"])


async def balance(gateway: Gateway, citizen: Citizen) -> dict[str, Any]:
    async with gateway.parallel:
        content: dict[str, Any] = await gateway.expect(
            [200], "GET", "/api/v1/accounting/me/balance", token=citizen.token
        )
    return content


async def open_accounts(gateway: Gateway, run: str, now: datetime, advance: Advance) -> list[Citizen]:
    since = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)

    async def one(number: int) -> Citizen:
        citizen = await new_citizen(gateway, f"demo-{run}-{number}", ["t3"], since)
        advance(1)
        return citizen

    return list(await asyncio.gather(*(one(number) for number in range(CITIZENS))))


def trip_events(gateway: Gateway, run: str, citizens: Sequence[Citizen], now: datetime) -> list[Event]:
    """Make every row of the file one electric ride-hailing trip of yesterday."""
    source, yesterday = gateway.partners["t3"].source, now.date() - timedelta(days=1)
    return [
        trip_event(trip, source=source, run=run, account_no=citizens[trip.trip_id % CITIZENS].account_no, day=yesterday)
        for trip in read_trips()
    ]


async def volunteer_year(
    gateway: Gateway, run: str, now: datetime, advance: Advance
) -> tuple[Citizen, Tally, dict[str, int]]:
    """Play the volunteer of the newspaper: 21,900 g a month, 267,000 g a year, then three acts beyond the caps."""
    partners = ["bus", "metro", "bike", "market", "t3", "recycle", "grid"]
    volunteer = await new_citizen(gateway, f"demo-{run}-volunteer", partners, now - timedelta(days=365))
    sources = {name: partner.source for name, partner in gateway.partners.items()}
    year = VolunteerYear(sources, run, volunteer.account_no, now.date() - timedelta(days=1))
    work: dict[str, list[Event]] = {name: [] for name in partners}
    for number, day in enumerate(year.days()):
        for name, events in year.everyday_events(day).items():
            work[name] += events
        if number < ELECTRIC_CAR_DAYS:
            work["t3"] += year.electric_car_trips(day)
    tally = await push_and_settle(gateway, [(gateway.partners[n], e) for n, e in work.items() if e], advance)
    # The first ten days carry the electric rides. The second month matches the newspaper's month.
    plain = year.first_day + timedelta(days=MONTH_DAYS)
    figures = {
        "month_mg": await _total_mg(gateway, volunteer, plain, plain + timedelta(days=MONTH_DAYS - 1)),
        "year_mg": await _total_mg(gateway, volunteer, year.first_day, year.last_day),
    }
    require(figures["month_mg"] == MONTH_MG, "一个月应为 21,900 克 a month is 21,900 g", figures)
    require(figures["year_mg"] == YEAR_MG, "一年应为 267,000 克 the year is 267,000 g", figures)
    tally.add(await _check_caps(gateway, year, advance))
    return volunteer, tally, figures


async def _total_mg(gateway: Gateway, citizen: Citizen, first: Any, last: Any) -> int:
    path = f"/api/v1/accounting/me/summary?by=scene&first={first}&last={last}"
    return int((await gateway.expect([200], "GET", path, token=citizen.token))["total_mg"])


async def _check_caps(gateway: Gateway, year: VolunteerYear, advance: Advance) -> Tally:
    """Check the caps: a third bus ride and a fourth deposit earn nothing, three deposits 4,500 g, a saved kWh 525 g."""
    bus = await push_and_settle(gateway, [(gateway.partners["bus"], [year.third_bus_ride()])], advance)
    require(dict(bus.refused_by_reason) == {"DAILY_CAP": 1}, "第三次公交 the third bus ride: DAILY_CAP", bus)
    deposits = await push_and_settle(gateway, [(gateway.partners["recycle"], year.recycling())], advance)
    require(
        deposits.counts["credited"] == 3 and dict(deposits.refused_by_reason) == {"MONTHLY_CAP": 1},
        "第四次回收 the fourth deposit: MONTHLY_CAP",
        deposits,
    )
    energy = await push_and_settle(gateway, [(gateway.partners["grid"], [year.saved_kilowatt_hour()])], advance)
    require(energy.counts["credited"] == 1, "节电 1 kWh a kilowatt-hour saved", energy)
    total = Tally()
    for tally in (bus, deposits, energy):
        total.add(tally)
    return total


async def reward(gateway: Gateway, run: str, volunteer: Citizen) -> dict[str, Any]:
    """Order a bowl of noodles, donate, and order a refused second bowl. Balances must match to the milligram."""
    before = await balance(gateway, volunteer)
    expected = YEAR_MG + 4_500_000 + 525_000
    require(before["available_mg"] == expected, f"可用应为 {expected} mg available", before)
    item = await gateway.expect([200], "GET", f"/api/v1/rewards/items/{NOODLES}")
    order = await _order_and_wait(gateway, volunteer, f"demo-{run}-bowl-1")
    require(order["status"] == "confirmed" and len(order["vouchers"]) == 1, "订单应已确认 order confirmed", order)
    second = {"item_id": NOODLES, "quantity": 1, "client_request_id": f"demo-{run}-bowl-2"}
    refused = await gateway.expect(
        [409], "POST", "/api/v1/rewards/orders", token=volunteer.token, body=second, key=f"demo-{run}-bowl-2"
    )
    require(refused["code"] == "LIMIT_REACHED", "第二碗应被拒绝 the second bowl is refused", refused)
    donation = await gateway.expect(
        [201],
        "POST",
        f"/api/v1/rewards/campaigns/{MARATHON}/donations",
        token=volunteer.token,
        body={"amount_mg": DONATION_MG},
        key=f"demo-{run}-donation",
    )
    after = await balance(gateway, volunteer)
    left = before["available_mg"] - item["price_mg"] - DONATION_MG
    require(after["available_mg"] == left and after["held_mg"] == 0, f"余额应为 {left} mg left", after)
    return {
        "order_status": order["status"],
        "order_price_mg": item["price_mg"],
        "donation_mg": DONATION_MG,
        "certificate": donation["certificate"],
        "balance_after_mg": after["available_mg"],
        "second_order": refused["code"],
    }


async def _order_and_wait(gateway: Gateway, citizen: Citizen, request_id: str) -> dict[str, Any]:
    body = {"item_id": NOODLES, "quantity": 1, "client_request_id": request_id}
    order: dict[str, Any] = await gateway.expect(
        [201, 202], "POST", "/api/v1/rewards/orders", token=citizen.token, body=body, key=request_id
    )
    for _ in range(100):
        if order["status"] != "pending":
            break
        await asyncio.sleep(0.3)
        order = await gateway.expect([200], "GET", f"/api/v1/rewards/orders/{order['order_id']}", token=citizen.token)
    return order


async def credited_total_mg(gateway: Gateway, citizens: Sequence[Citizen]) -> int:
    balances = await asyncio.gather(*(balance(gateway, citizen) for citizen in citizens))
    return sum(content["lifetime_mg"] for content in balances)


async def check_ledger(gateway: Gateway, tally: Tally) -> dict[str, Any]:
    """Recompute the ledger and check that every accepted event has a verdict."""
    check = await gateway.get_as_operator("/api/v1/accounting/ops/ledger/check")
    require(check["ok"], "账本核对 ledger check", check)
    answered = sum(tally.counts[name] for name in ("credited", "refused", "parked", "duplicate", "conflict"))
    require(tally.accepted == answered, "受理 = 记入 + 拒绝 + 暂存 + 重复 every accepted event has a verdict", tally)
    return dict(check)


def now_in_shanghai() -> datetime:
    return datetime.now(SHANGHAI)
