"""The desk of two operators of the mall. Whatever gives value away needs both."""

from typing import Any, Final

from deploy.demo.gateway import Gateway
from deploy.demo.life.person import REWARDS, require

OPS: Final = f"{REWARDS}/ops"
MALL: Final = f"{OPS}/proposals"
MERCHANTS: Final = f"{OPS}/merchant-proposals"
BECAUSE: Final = {"reason": "合同 2026-121 the contract"}


class Desk:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.decided = 0

    async def by_one(self, status: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return await self.gateway.as_operator(status, method, f"{OPS}{path}", None if body is None else body | BECAUSE)

    async def by_two(self, path: str, body: dict[str, Any] | None = None, *, decided_at: str = MALL) -> None:
        """One proposes, the other approves. The proposer alone may not."""
        proposal = await self.by_one(202, "POST", path, body or {})
        decision = f"{decided_at}/{proposal['proposal_id']}/approve"
        alone = await self.gateway.as_operator(409, "POST", decision, BECAUSE)
        require(alone["code"] == "SECOND_PERSON_NEEDED", "一个人不能批准 one operator alone approves nothing", alone)
        await self.gateway.as_operator(200, "POST", decision, BECAUSE, person=1)
        self.decided += 1

    async def upload(self, path: str, media_type: str, content: bytes) -> Any:
        return await self.gateway.as_operator(201, "POST", f"{OPS}{path}", file=(media_type, content))

    async def download(self, path: str, media_type: str) -> bytes:
        return await self.gateway.download_as_operator(f"{OPS}{path}", media_type)
