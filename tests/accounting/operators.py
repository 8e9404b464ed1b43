"""Clients of the operators' routes: of methodologies and of the ledger."""

import uuid
from datetime import date
from pathlib import Path
from typing import Any

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


def bus_km(code: str = "WH-APP-BUS", version: int | str = 2, *, since: date | None = None, **replaced: str) -> str:
    """Return the document. `replaced` values replace the entries of their keys, including nested lines."""
    values = {"code": code, "version": str(version), "effective_from": (since or today()).isoformat(), **replaced}
    lines = []
    skipping = False
    for line in DOCUMENT.splitlines():
        key = line.split(":")[0]
        skipping = key in values or (skipping and line.startswith(" "))
        if key in values:
            lines.append(f"{key}: {values[key]}")
        elif not skipping:
            lines.append(line)
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
        """Return the id of a draft that passed its check."""
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
