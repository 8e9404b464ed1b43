"""Two operators and a methodology of theirs: bus rides by distance."""

from datetime import date
from typing import Any

import httpx

from shared import clock
from tests.accounting.conftest import Accounting

OPS = "/api/v1/accounting/ops"

FACTORS = """
factors:
  - id: example.bus_km
    name: {zh: 公交每公里减排, en: reduction of a bus ride per kilometre}
    region: "42"
    vintage: 2026
    unit: gCO2e/km
    value: "42.5"
    source: 示例数值
    source_status: unverified
"""

DOCUMENT = """\
code: CODE
version: VERSION
scene: bus
title: {zh: 公交出行（按里程）, en: Bus rides by distance}
summary:
  zh: "乘公交每公里 42.5 克，每天最多 2 次。"
  en: "42.5 g for each kilometre by bus, at most 2 rides a day."
issuer: {zh: 示例发布机构, en: an example issuer}
document:
  title: {zh: 示例方法学文件, en: an example document}
  published_on: "2026-11"
source_status: unverified
region: "420100"
effective_from: FROM
effective_to: null
subject: person
applies_to:
  event: transit.ridden
  vehicle_type: [bus]
inputs:
  distance:
    title: {zh: 乘车里程, en: distance ridden}
    unit: km
    from: distance
factors:
  - {name: saved, factor_id: example.bus_km, vintage: 2026}
formula: distance * saved
result: {unit: gCO2e, rounding: floor_to_mg}
leakage: 0 gCO2e
improvement_rate: {rate: "1", base_year: 2026}
evidence_tiers: {partner_signed: "1"}
caps:
  - id: bus.daily_acts
    per: account
    period: day
    acts: 2
    code: DAILY_CAP
    zh: "今天的公交已计满 2 次。"
    en: "You have reached today's 2 bus rides."
exclusivity_groups: [ride]
vesting_days: 0
issuable: false
plausibility:
  distance_m: {min: 100, max: 100000}
  duration_s: {min: 30, max: 14400}
  speed_kmh_max: 100
examples:
  - title: {zh: 10 公里, en: 10 km}
    input: {distance_m: 10000, duration_s: 1800}
    expect_mg: 425000
  - title: {zh: 当天第三次, en: the third of a day}
    input: {distance_m: 10000}
    after: 2
    expect_mg: 0
    expect_reason: DAILY_CAP
"""


def today() -> date:
    return clock.local_date(clock.now(), "Asia/Shanghai")


def bus_km(code: str = "WH-APP-BUS", version: int = 2, *, since: date | None = None, **replaced: str) -> str:
    """The document; `replaced` values take the place of the line that begins with their key."""
    text = DOCUMENT.replace("CODE", code, 1).replace("VERSION", str(version), 1)
    text = text.replace("FROM", (since or today()).isoformat(), 1)
    lines = []
    for line in text.splitlines():
        key = line.split(":")[0]
        lines.append(f"{key}: {replaced[key]}" if key in replaced else line)
    return "\n".join(lines)


class Operators:
    """Calls the operators' routes as one operator or another."""

    def __init__(self, accounting: Accounting) -> None:
        self.accounting = accounting

    async def call(
        self, method: str, path: str, body: object = None, *, who: str = "author", scope: str = "ops:methodologies"
    ) -> httpx.Response:
        token = self.accounting.tokens.access(who, scope)
        return await self.accounting.client.request(
            method, OPS + path, json=body, headers={"Authorization": f"Bearer {token}"}
        )

    async def ok(self, method: str, path: str, body: object = None, *, who: str = "author", **more: Any) -> Any:
        answer = await self.call(method, path, body, who=who, **more)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def refused(
        self, method: str, path: str, body: object = None, *, who: str = "author", **more: Any
    ) -> tuple[int, str]:
        answer = await self.call(method, path, body, who=who, **more)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["code"]

    async def draft(self, text: str, *, who: str = "author") -> Any:
        return await self.ok("POST", "/methodologies", {"yaml": text, "reason": "公交改按里程核算"}, who=who)

    async def checked(self, text: str) -> str:
        """The id of a draft that passed its check."""
        draft = await self.draft(text)
        assert draft["faults"] == []
        done = await self.ok("POST", f"/methodologies/drafts/{draft['draft_id']}/check")
        assert done["status"] == "checked"
        return str(draft["draft_id"])

    async def publish(self, text: str) -> Any:
        draft_id = await self.checked(text)
        return await self.ok("POST", f"/methodologies/drafts/{draft_id}/publish", {"reason": "已审阅"}, who="publisher")

    async def factors(self, text: str = FACTORS) -> None:
        proposal = await self.ok("POST", "/factors", {"yaml": text, "reason": "里程因子"})
        await self.ok("POST", f"/proposals/{proposal['proposal_id']}/approve", {"reason": "已核对"}, who="approver")
