"""Clients of the operators' routes: of methodologies and of the ledger."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from shared import clock
from tests.accounting.driver import Accounting

OPS = "/api/v1/accounting/ops"
WHY = {"reason": "测试：同一设备冒用"}

# The files that docs/methodologies.md publishes, so the page is tested too.
FOLDER = Path(__file__).parents[2] / "docs" / "tour" / "bus_by_distance"
FACTORS = (FOLDER / "factors.yaml").read_text(encoding="utf-8")
DOCUMENT = (FOLDER / "methodology.yaml").read_text(encoding="utf-8")


def today() -> date:
    return clock.local_date(clock.now(), "Asia/Shanghai")


def first_day() -> date:
    """Return the first day on which a version published now may begin."""
    return clock.local_date(clock.now() + timedelta(minutes=10), "Asia/Shanghai") + timedelta(days=1)


@contextmanager
def clock_at(instant: datetime) -> Iterator[None]:
    with patch.object(clock, "now", lambda: instant):
        yield


@contextmanager
def days_ago(days: int) -> Iterator[None]:
    with clock_at(clock.now() - timedelta(days=days)):
        yield


def bus_km(code: str = "WH-APP-BUS", version: int | str = 2, *, since: date | None = None, **replaced: str) -> str:
    """Return the document. `replaced` values replace the entries of their keys with nested lines, or are added."""
    values = {"code": code, "version": str(version), "effective_from": (since or first_day()).isoformat(), **replaced}
    lines = []
    skipping = False
    for line in DOCUMENT.splitlines():
        key = line.split(":")[0]
        skipping = key in values or (skipping and line.startswith(" "))
        if key in values:
            lines.append(f"{key}: {values[key]}")
        elif not skipping:
            lines.append(line)
    known = {line.split(":")[0] for line in lines}
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in values.items() if key not in known)])


class Operators:
    """Calls the operators' routes as one operator or another."""

    def __init__(self, accounting: Accounting) -> None:
        self.accounting = accounting

    async def call(
        self, method: str, path: str, body: object = None, *, who: str = "author", scope: str = "ops:methodologies"
    ) -> httpx.Response:
        now = datetime.now(UTC)  # also while a test sets the clock: tokens live in real time
        token = self.accounting.tokens.access(who, scope, iat=now, exp=now + timedelta(minutes=30))
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
        """Return the id of a draft that passed its check."""
        draft = await self.draft(text)
        assert draft["faults"] == []
        done = await self.ok("POST", f"/methodologies/drafts/{draft['draft_id']}/check")
        assert done["status"] == "checked"
        return str(draft["draft_id"])

    async def faults(self, text: str) -> set[str]:
        return {fault["code"] for fault in (await self.draft(text))["faults"]}

    async def publish(self, text: str, *, acknowledged: Sequence[str] = ()) -> Any:
        draft_id = await self.checked(text)
        body = {"reason": "已审阅", **({"acknowledged": list(acknowledged)} if acknowledged else {})}
        return await self.ok("POST", f"/methodologies/drafts/{draft_id}/publish", body, who="publisher")

    async def propose_retirement(self, version: str, ends_on: date) -> Any:
        """Propose to end a version, such as "WH-APP-BUS v2"."""
        code, _, number = version.partition(" v")
        body = {"from": ends_on.isoformat(), "reason": "停用"}
        return await self.ok("POST", f"/methodologies/{code}/versions/{number}/retire", body)

    async def retire(self, version: str, ends_on: date) -> Any:
        proposal = await self.propose_retirement(version, ends_on)
        path = f"/proposals/{proposal['proposal_id']}/approve"
        return await self.ok("POST", path, {"reason": "已核对"}, who="approver")

    async def calendar(self, scene: str = "bus", region: str = "420100") -> dict[str, Any]:
        """The line of the public calendar: periods and gaps in short."""
        params = {"scene": scene, "region": region}
        answer = await self.accounting.client.get("/api/v1/accounting/methodologies/calendar", params=params)
        assert answer.status_code == 200, answer.text
        (line,) = answer.json()["items"]
        return short(line)

    async def factors(self, text: str = FACTORS) -> None:
        proposal = await self.ok("POST", "/factors", {"yaml": text, "reason": "里程因子"})
        await self.ok("POST", f"/proposals/{proposal['proposal_id']}/approve", {"reason": "已核对"}, who="approver")


class LedgerOperators:
    """Calls the operators' routes of the ledger. `who` is the subject of the operator."""

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting

    async def call(
        self, who: str, path: str, body: object = None, *, method: str = "POST", scope: str = "ops:ledger"
    ) -> httpx.Response:
        token = self._accounting.tokens.access(who, scope)
        return await self._accounting.client.request(
            method,
            f"/api/v1/accounting/ops{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        )

    async def propose_reversal(self, who: str, activity_id: uuid.UUID) -> str:
        answer = await self.call(who, f"/activities/{activity_id}/reversals", WHY)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["proposal_id"])

    async def trail(self, subject_id: uuid.UUID) -> list[dict[str, Any]]:
        answer = await self.call("ann", f"/audit?object={subject_id}", method="GET", scope="ops:read")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def short(line: dict[str, Any]) -> dict[str, Any]:
    """A line of the calendar: `CODE vN` with first day and end; days without a version with what judges meanwhile."""
    return {
        "periods": [
            (f"{one['code']} v{one['version']}", one["effective_from"], one["effective_to"]) for one in line["periods"]
        ],
        "gaps": [(gap["begins_on"], gap["ends_before"], gap["acts"], gap["fallback"]) for gap in line["gaps"]],
    }
