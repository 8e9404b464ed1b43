"""Two operators of the mall, who propose and approve over HTTP."""

import json
from typing import Any

import httpx

from tests.rewards.conftest import API, COST_FEN, PRICE_MG, Rewards

WHY = {"reason": "照合同办理"}
BUDGET = {
    "budget_id": "noodles-2027",
    "sponsor_id": "guozao",
    "sponsor_zh": "过早联盟",
    "sponsor_en": "Breakfast Alliance",
    "limit_fen": 100_000,
    **WHY,
}
CONTENT: dict[str, Any] = {
    "title_zh": "一碗热干面",
    "title_en": "A bowl of hot dry noodles",
    "category": "food",
    "price_mg": PRICE_MG,
    "price_fen": COST_FEN,
    "budget_id": "noodles-2027",
    **WHY,
}


class Operators:
    """`by`: the name of the operator."""

    def __init__(self, rewards: Rewards) -> None:
        self.rewards = rewards

    async def call(self, method: str, path: str, body: Any = None, *, by: str = "ann") -> httpx.Response:
        headers = {**self.rewards.tokens.operator(subject=by), "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return await self.rewards.client.request(method, f"{API}/ops{path}", content=content, headers=headers)

    async def did(self, status: int, method: str, path: str, body: Any = None, *, by: str = "ann") -> Any:
        answer = await self.call(method, path, body, by=by)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def refused(self, code: str, method: str, path: str, body: Any = None, *, by: str = "ann") -> Any:
        answer = await self.call(method, path, body, by=by)
        assert answer.json().get("code") == code, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def propose(self, path: str, body: Any = None, *, by: str = "ann") -> str:
        return str((await self.did(202, "POST", path, body or WHY, by=by))["proposal_id"])

    async def approve(self, proposal_id: str, *, by: str = "bob") -> Any:
        return await self.did(200, "POST", f"/proposals/{proposal_id}/approve", WHY, by=by)

    async def by_two(self, path: str, body: Any = None) -> Any:
        return await self.approve(await self.propose(path, body))

    async def prepare(self, **changes: Any) -> None:
        """Make a category and open a budget."""
        category = {"name_zh": "过早", "name_en": "Breakfast", **WHY}
        await self.did(200, "PUT", "/categories/food", category)
        await self.by_two("/budgets", BUDGET | changes)

    async def publish(self, item_id: str = "reganmian", *, stock: int = 5, **changes: Any) -> None:
        """Draft an item, publish it by two, and give it stock."""
        await self.did(201, "POST", "/items", {**CONTENT, "item_id": item_id, **changes})
        await self.by_two(f"/items/{item_id}/publish")
        await self.did(200, "POST", f"/items/{item_id}/stock", {"pieces": stock, **WHY})

    async def audited(self, about: str) -> list[tuple[str, str]]:
        """Return (action, operator) of every entry about something, the oldest first."""
        rows = await self.rewards.sql(
            "SELECT action, subject FROM rewards.audit_log WHERE object = $1 ORDER BY entry_id", about
        )
        return [(row["action"], row["subject"]) for row in rows]
