"""A citizen redeems and donates grams: own ones, those of the household and those of a family card."""

import asyncio
from typing import Any

from deploy.demo.life.person import REWARDS, Person, require
from deploy.demo.steps import MARATHON, NOODLES

_SETTLED_WITHIN_S = 30
_PAUSE_S = 0.3


async def order_noodles(person: Person, request_id: str) -> dict[str, Any]:
    return await order_item(person, NOODLES, request_id)


async def order_item(person: Person, item_id: str, request_id: str) -> dict[str, Any]:
    """Order one piece, and wait until the order is settled."""
    body = {"item_id": item_id, "quantity": 1, "client_request_id": request_id}
    status, order = await person.answer("POST", f"{REWARDS}/orders", body, key=request_id)
    require(status in {201, 202}, "下单 an order", order)
    for _ in range(int(_SETTLED_WITHIN_S / _PAUSE_S)):
        if order["status"] != "pending":
            break
        await asyncio.sleep(_PAUSE_S)
        order = await person.call(200, "GET", f"{REWARDS}/orders/{order['order_id']}")
    require(order["status"] == "confirmed", "订单应已确认 the order is confirmed", order)
    found: dict[str, Any] = order
    return found


async def donate(person: Person, amount_mg: int, request_id: str, **whose: str) -> str:
    """Donate to the marathon. `whose`: `account_id` and `agreement_id`. Return the status, or the code of a refusal."""
    path = f"{REWARDS}/campaigns/{MARATHON}/donations"
    status, answer = await person.answer("POST", path, {"amount_mg": amount_mg, **whose}, key=request_id)
    require(status in {201, 202, 409}, "捐赠 a donation", answer)
    return str(answer["code"] if status == 409 else answer["status"])
