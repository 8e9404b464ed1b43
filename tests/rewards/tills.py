"""A merchant with a shop and tills, for tests of vouchers at the counter."""

import base64
import json
import secrets
import uuid
from typing import Any, Final

import httpx

from shared import clock
from shared.auth import cp1
from tests.rewards.conftest import API, Rewards

WHY: Final = "与门店签约"
ANN, BOB = "ops-ann", "ops-bob"


class Till:
    """A till with its own token."""

    def __init__(self, rewards: Rewards, answer: dict[str, Any]) -> None:
        self.rewards, self.till_id, self.shop_id = rewards, str(answer["till_id"]), str(answer["shop_id"])
        self.headers = {"Authorization": f"Bearer {answer['token']}"}

    async def post(self, path: str, body: Any, *, key: str | None = None, language: str = "zh") -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": key or str(uuid.uuid4()), "Accept-Language": language}
        return await self.rewards.client.post(f"{API}/merchant{path}", json=body, headers=headers)

    async def check(self, qr: str) -> httpx.Response:
        return await self.post("/vouchers/check", {"qr": qr})

    async def redeem(self, qr: str, *, key: str | None = None) -> httpx.Response:
        return await self.post("/vouchers/redeem", {"qr": qr}, key=key)

    async def undo(self, redemption_id: str, *, key: str | None = None) -> httpx.Response:
        return await self.post("/vouchers/undo", {"redemption_id": redemption_id}, key=key)

    async def settlement(self) -> dict[str, Any]:
        day = clock.local_date(clock.now(), "Asia/Shanghai").isoformat()
        answer = await self.rewards.client.get(f"{API}/merchant/settlements?day={day}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def ops(
    rewards: Rewards, method: str, path: str, body: Any = None, *, by: str = ANN, status: int | None = None
) -> Any:
    answer = await rewards.client.request(
        method, f"{API}/ops{path}", json=body, headers=rewards.tokens.operator(subject=by)
    )
    if status is not None:
        assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def add_merchant(rewards: Rewards, merchant_id: str = "guozao") -> None:
    """Register a merchant: Ann proposes, Bob approves."""
    body = {"merchant_id": merchant_id, "name": "过早铺子", "name_en": "Breakfast Shops", "reason": WHY}
    proposal = await ops(rewards, "POST", "/merchants", body, status=202)
    await ops(rewards, "POST", f"/merchant-proposals/{proposal['proposal_id']}/approve", by=BOB, status=200)


async def add_shop(rewards: Rewards, shop_id: str = "hubu", merchant_id: str = "guozao") -> None:
    body = {"shop_id": shop_id, "name": "户部巷店", "name_en": "Hubu Lane", "reason": WHY}
    await ops(rewards, "POST", f"/merchants/{merchant_id}/shops", body, status=201)


async def add_till(rewards: Rewards, shop_id: str = "hubu") -> Till:
    asked = await ops(
        rewards, "POST", f"/shops/{shop_id}/till-enrolments", {"name": "一号台", "reason": WHY}, status=201
    )
    answer = await rewards.client.post(f"{API}/merchant/tills", headers={"Authorization": f"Bearer {asked['code']}"})
    assert answer.status_code == 201, answer.text
    return Till(rewards, answer.json())


async def open_counter(rewards: Rewards) -> Till:
    """A merchant with one shop, and its till."""
    await add_merchant(rewards)
    await add_shop(rewards)
    return await add_till(rewards)


async def bought(rewards: Rewards, item_id: str = "reganmian", quantity: int = 1) -> tuple[uuid.UUID, dict[str, Any]]:
    """A citizen with a confirmed order."""
    user = rewards.citizen(balance_mg=50_000_000)
    answer = await rewards.order(user, item_id, quantity=quantity)
    assert answer.status_code == 201, answer.text
    return user, answer.json()


async def shown(rewards: Rewards, user: uuid.UUID, order: dict[str, Any], line: int = 0) -> dict[str, Any]:
    """The voucher on its owner's screen."""
    answer = await rewards.get(f"/me/vouchers/{order['vouchers'][line]['voucher_id']}", user)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def qr_of_new_voucher(rewards: Rewards) -> str:
    return str((await shown(rewards, *await bought(rewards)))["qr"])


async def add_key(rewards: Rewards, merchant_id: str = "guozao") -> tuple[str, str]:
    """(app key, secret) of a live HMAC key."""
    body = {"algorithm": cp1.HMAC_SHA256, "reason": WHY}
    key = await ops(rewards, "POST", f"/merchants/{merchant_id}/keys", body, status=202)
    await ops(rewards, "POST", f"/merchant-proposals/{key['proposal_id']}/approve", by=BOB, status=200)
    return str(key["app_key"]), str(key["secret"])


async def signed(
    rewards: Rewards, key: tuple[str, str], method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    """A request of a merchant's system."""
    raw = b"" if body is None else json.dumps(body).encode()
    target = f"{API}/merchant{path}"
    authorization = cp1.authorization(
        app_key=key[0],
        secret=key[1],
        method=method,
        target=target,
        timestamp=int(clock.now().timestamp()),
        nonce=base64.urlsafe_b64encode(secrets.token_bytes(15)).decode(),
        body=raw,
    )
    given = {"Authorization": authorization, "Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
    return await rewards.client.request(method, target, content=raw, headers={**given, **headers})
