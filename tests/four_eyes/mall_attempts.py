"""How one operator tries to give value away in the mall: items, prices, stock, budgets, refunds."""

import hashlib
import uuid
from typing import Any, Final

from services.rewards.certificates.domain import certificate_no
from shared import clock
from tests.four_eyes.attempts import BECAUSE, attempt
from tests.four_eyes.conftest import City

OPS: Final = "/api/v1/rewards/ops"
_BUDGET: Final = {
    "sponsor_id": "guozao",
    "sponsor_zh": "赞助方",
    "sponsor_en": "Sponsor",
    "limit_fen": 10**6,
    **BECAUSE,
}
_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20)


def _item(budget_id: str, **changes: Any) -> dict[str, Any]:
    content = {"title_zh": "面", "title_en": "Noodles", "category": "food", "price_mg": 5_000_000, "price_fen": 1_000}
    return {**content, "budget_id": budget_id, **BECAUSE, **changes}


async def approve_by_two(city: City, path: str, body: Any = None) -> None:
    made = await city.did(202, "POST", path, body or BECAUSE, by="ann")
    await city.did(200, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE, by="bob")


async def open_budget_by_two(city: City) -> str:
    budget_id = f"b-{uuid.uuid4().hex[:8]}"
    await city.did(200, "PUT", f"{OPS}/categories/food", {"name_zh": "食", "name_en": "Food", **BECAUSE}, by="ann")
    await approve_by_two(city, f"{OPS}/budgets", {**_BUDGET, "budget_id": budget_id})
    return budget_id


async def _draft(city: City, *, by: str = "ann") -> tuple[str, str]:
    budget_id, item_id = await open_budget_by_two(city), f"i-{uuid.uuid4().hex[:8]}"
    await city.did(201, "POST", f"{OPS}/items", {**_item(budget_id), "item_id": item_id}, by=by)
    return item_id, budget_id


async def _published(city: City) -> tuple[str, str]:
    item_id, budget_id = await _draft(city)
    await approve_by_two(city, f"{OPS}/items/{item_id}/publish")
    return item_id, budget_id


async def _confirmed_order(city: City) -> str:
    """An order as the service leaves it, without its way through accounting."""
    item_id, budget_id = await _published(city)
    (order_id,) = await city.sql(
        "INSERT INTO rewards.orders (order_id, user_id, account_id, amount_mg, capture_to, status, idempotency_key,"
        " request_id, language, settled_at, next_attempt_at, client_request_id, item_id, quantity, price_mg, budget_id,"
        " cost_fen) VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 5000000, 'redeemed:guozao',"
        " 'confirmed', gen_random_uuid()::text, 'r', 'zh', now(), now(), gen_random_uuid()::text, $1, 1, 5000000, $2,"
        " 1000) RETURNING order_id::text",
        item_id,
        budget_id,
    )
    return str(order_id)


# --- items ------------------------------------------------------------------------------------------------------------


@attempt("PUT", f"{OPS}/categories/{{category_id}}")
async def save_category(city: City) -> None:
    await city.mark()
    await city.did(200, "PUT", f"{OPS}/categories/mine", {"name_zh": "我的", "name_en": "Mine", **BECAUSE})


@attempt("POST", f"{OPS}/pictures")
async def upload_picture(city: City) -> None:
    await city.mark()
    sha256 = hashlib.sha256(_PNG).hexdigest()
    await city.did(422, "POST", f"{OPS}/pictures?sha256={sha256}", {"content": "not a picture"})


@attempt("POST", f"{OPS}/items")
async def create_item(city: City) -> None:
    await city.mark()
    budget_id = await _budget_marked(city)
    body = {**_item(budget_id, price_mg=1), "item_id": f"i-{uuid.uuid4().hex[:8]}"}
    await city.did(201, "POST", f"{OPS}/items", body)


async def _budget_marked(city: City) -> str:
    """A budget of others, which is no gain of the operator."""
    budget_id = await open_budget_by_two(city)
    await city.mark()
    return budget_id


@attempt("PUT", f"{OPS}/items/{{item_id}}")
async def edit_item(city: City) -> None:
    """Another's draft whose publication waits for its approval, and a published item."""
    item_id, budget_id = await _draft(city)
    published, _ = await _published(city)
    made = await city.did(202, "POST", f"{OPS}/items/{item_id}/publish", BECAUSE, by="ann")
    await city.mark()
    await city.did(200, "PUT", f"{OPS}/items/{item_id}", _item(budget_id, price_mg=1))
    # The operator may approve what ann proposed, but not with the content that was slipped in.
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)
    await city.did(409, "PUT", f"{OPS}/items/{published}", _item(budget_id, price_mg=1))
    await city.did(200, "POST", f"{OPS}/proposals/{made['proposal_id']}/reject", BECAUSE, by="ann")


@attempt("POST", f"{OPS}/items/{{item_id}}/publish")
async def publish_item(city: City) -> None:
    item_id, _ = await _draft(city, by="ops-alone")
    await city.mark()
    made = await city.did(202, "POST", f"{OPS}/items/{item_id}/publish", BECAUSE)
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)


@attempt("POST", f"{OPS}/items/{{item_id}}/changes")
async def change_item(city: City) -> None:
    item_id, budget_id = await _published(city)
    await city.mark()
    await city.did(202, "POST", f"{OPS}/items/{item_id}/changes", _item(budget_id, price_mg=1))


@attempt("POST", f"{OPS}/items/{{item_id}}/withdraw")
async def withdraw_item(city: City) -> None:
    """Withdraw, change the price, and try to publish again."""
    item_id, budget_id = await _published(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/items/{item_id}/withdraw", BECAUSE)
    await city.did(200, "PUT", f"{OPS}/items/{item_id}", _item(budget_id, price_mg=1))
    await city.did(202, "POST", f"{OPS}/items/{item_id}/publish", BECAUSE)


@attempt("POST", f"{OPS}/items/{{item_id}}/stock")
async def change_stock(city: City) -> None:
    """More pieces are worth nothing without a budget, whose limit needs two."""
    item_id, _ = await _published(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/items/{item_id}/stock", {"pieces": 100, **BECAUSE})
    await city.did(200, "POST", f"{OPS}/items/{item_id}/stock", {"pieces": -100, **BECAUSE})


# --- budgets and refunds ----------------------------------------------------------------------------------------------


@attempt("POST", f"{OPS}/budgets")
async def open_budget(city: City) -> None:
    await city.mark()
    await city.did(202, "POST", f"{OPS}/budgets", {**_BUDGET, "budget_id": f"mine-{uuid.uuid4().hex[:8]}"})


@attempt("POST", f"{OPS}/budgets/{{budget_id}}/raise")
async def raise_budget(city: City) -> None:
    budget_id = await _budget_marked(city)
    await city.did(202, "POST", f"{OPS}/budgets/{budget_id}/raise", {"limit_fen": 10**9, **BECAUSE})


@attempt("POST", f"{OPS}/budgets/{{budget_id}}/close")
async def close_budget(city: City) -> None:
    budget_id = await _budget_marked(city)
    await city.did(202, "POST", f"{OPS}/budgets/{budget_id}/close", BECAUSE)


@attempt("POST", f"{OPS}/orders/{{order_id}}/refund")
async def refund_order(city: City) -> None:
    order_id = await _confirmed_order(city)
    await city.mark()
    made = await city.did(202, "POST", f"{OPS}/orders/{order_id}/refund", BECAUSE)
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)


@attempt("POST", f"{OPS}/certificates/{{certificate_no}}/revoke")
async def revoke_certificate(city: City) -> None:
    """A certificate as the service leaves it, without its donation."""
    number = certificate_no(clock.now().date(), uuid.uuid4().int % 10**11)
    values = "$1, gen_random_uuid(), 'marathon', '马拉松', 'Marathon', 1, now()"
    await city.sql(f"INSERT INTO rewards.certificate VALUES ({values})", number)
    await city.mark()
    body = {"public_reason_zh": "不想给他了", "public_reason_en": "No longer wanted", **BECAUSE}
    made = await city.did(202, "POST", f"{OPS}/certificates/{number}/revoke", body)
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)


@attempt("POST", f"{OPS}/proposals/{{proposal_id}}/approve")
async def approve(city: City) -> None:
    await city.mark()
    body = {**_BUDGET, "budget_id": f"mine-{uuid.uuid4().hex[:8]}"}
    made = await city.did(202, "POST", f"{OPS}/budgets", body)
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)


@attempt("POST", f"{OPS}/proposals/{{proposal_id}}/reject")
async def reject(city: City) -> None:
    await city.mark()
    body = {**_BUDGET, "budget_id": f"mine-{uuid.uuid4().hex[:8]}"}
    made = await city.did(202, "POST", f"{OPS}/budgets", body)
    await city.did(200, "POST", f"{OPS}/proposals/{made['proposal_id']}/reject", BECAUSE)
    await city.did(409, "POST", f"{OPS}/proposals/{made['proposal_id']}/approve", BECAUSE)
