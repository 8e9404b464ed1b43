"""How one operator tries to let a merchant in, to give it a key or money, or to add vouchers. Read with attempts.py."""

import uuid
from typing import Any, Final

from shared.auth import cp1
from tests.four_eyes.attempts import BECAUSE, attempt
from tests.four_eyes.conftest import SAMPLE, City

OPS: Final = "/api/v1/rewards/ops"
PROPOSALS: Final = f"{OPS}/merchant-proposals"
DISPUTES: Final = f"{OPS}/disputes"


def new_name() -> str:
    return f"m-{uuid.uuid4().hex[:10]}"


async def merchant(city: City, status: str = "active") -> str:
    name = new_name()
    await city.sql(
        "INSERT INTO rewards.merchant (merchant_id, name_zh, name_en, status)"
        " VALUES ($1, '店', 'shop', $2) RETURNING 1",
        name,
        status,
    )
    return name


async def shop(city: City) -> str:
    name = new_name()
    await city.sql(
        "INSERT INTO rewards.shop (shop_id, merchant_id, name_zh, name_en) VALUES ($1, $2, '店', 'shop') RETURNING 1",
        name,
        await merchant(city),
    )
    return name


async def item(city: City) -> str:
    name = new_name()
    await city.sql(
        "WITH money AS (INSERT INTO rewards.budget (budget_id, sponsor_id, sponsor_zh, sponsor_en, limit_fen)"
        " VALUES ($1, 'guozao', '赞助方', 'Sponsor', 1000000) RETURNING budget_id), thing AS ("
        "INSERT INTO rewards.item (item_id, title_zh, title_en, category, price_mg, price_fen, budget_id)"
        " SELECT $1, '面', 'noodles', 'food', 5000, 1000, budget_id FROM money RETURNING item_id)"
        " INSERT INTO rewards.item_stock (item_id) SELECT item_id FROM thing RETURNING 1",
        name,
    )
    return name


async def dispute(city: City) -> str:
    """A redemption that stands, and a dispute about it."""
    place, thing = await shop(city), await item(city)
    (found,) = await city.sql(
        "WITH o AS (INSERT INTO rewards.orders (order_id, user_id, account_id, amount_mg, capture_to, status,"
        " settled_at, idempotency_key, request_id, language, next_attempt_at, client_request_id, item_id, quantity,"
        " price_mg, budget_id, cost_fen) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 5000,"
        " 'redeemed:guozao', 'confirmed', now(), 'k', 'r', 'zh', now(), gen_random_uuid()::text, $2, 1, 5000, $2, 1000"
        " RETURNING order_id)"
        " INSERT INTO rewards.dispute (dispute_id, kind, merchant_id, shop_id, sponsor_id, item_id, order_id,"
        " voucher_id, redemption_id, accepted_at, fen, claim, opened_by)"
        " SELECT gen_random_uuid(), 'merchant', 'm', $1, 'guozao', $2, order_id, gen_random_uuid(), gen_random_uuid(),"
        " now(), 1000, 'mine', 'x' FROM o RETURNING dispute_id::text",
        place,
        thing,
    )
    return str(found)


async def propose_merchant(city: City) -> str:
    await city.mark()
    body = {"merchant_id": new_name(), "name": "我的店", "name_en": "Mine", **BECAUSE}
    return str((await city.did(202, "POST", f"{OPS}/merchants", body))["proposal_id"])


@attempt("POST", f"{OPS}/merchants")
async def register_merchant(city: City) -> None:
    await propose_merchant(city)


@attempt("POST", f"{OPS}/merchants/{{merchant_id}}/suspend")
async def suspend_merchant(city: City) -> None:
    name = await merchant(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/merchants/{name}/suspend", BECAUSE)


@attempt("POST", f"{OPS}/merchants/{{merchant_id}}/resume")
async def resume_merchant(city: City) -> None:
    name = await merchant(city, "suspended")
    await city.mark()
    await city.did(202, "POST", f"{OPS}/merchants/{name}/resume", BECAUSE)


async def propose_key(city: City) -> dict[str, Any]:
    name = await merchant(city)
    await city.mark()
    body = {**BECAUSE, "algorithm": cp1.HMAC_SHA256}
    found: dict[str, Any] = await city.did(202, "POST", f"{OPS}/merchants/{name}/keys", body)
    return {**found, "merchant_id": name}


@attempt("POST", f"{OPS}/merchants/{{merchant_id}}/keys")
async def issue_key(city: City) -> None:
    await propose_key(city)


@attempt("POST", f"{OPS}/merchants/{{merchant_id}}/keys/{{app_key}}/revoke")
async def revoke_key(city: City) -> None:
    key = await propose_key(city)
    path = f"{OPS}/merchants/{key['merchant_id']}/keys/{key['app_key']}/revoke"
    assert (await city.call("POST", path, BECAUSE)).status_code == 204
    await city.did(404, "POST", f"{OPS}/merchants/{key['merchant_id']}/keys/mk-another-key/revoke", BECAUSE)


@attempt("POST", f"{OPS}/merchants/{{merchant_id}}/shops")
async def open_shop(city: City) -> None:
    """A shop takes no item until somebody says so, and has no till."""
    name = await merchant(city)
    await city.mark()
    body = {"shop_id": new_name(), "name": "分店", "name_en": "Branch", **BECAUSE}
    await city.did(201, "POST", f"{OPS}/merchants/{name}/shops", body)


@attempt("POST", f"{OPS}/shops/{{shop_id}}/close")
async def close_shop(city: City) -> None:
    name = await shop(city)
    await city.mark()
    await city.did(200, "POST", f"{OPS}/shops/{name}/close", BECAUSE)


@attempt("POST", f"{OPS}/shops/{{shop_id}}/till-enrolments")
async def enrol_till(city: City) -> None:
    """A till moves nothing by itself: it needs the code on a citizen's screen."""
    name = await shop(city)
    await city.mark()
    await city.did(201, "POST", f"{OPS}/shops/{name}/till-enrolments", {"name": "我的台", **BECAUSE})


@attempt("POST", f"{OPS}/tills/{{till_id}}/revoke")
async def revoke_till(city: City) -> None:
    await city.mark()
    await city.did(404, "POST", f"{OPS}/tills/{SAMPLE}/revoke", BECAUSE)


@attempt("PUT", f"{OPS}/items/{{item_id}}/voucher-terms")
async def set_voucher_terms(city: City) -> None:
    """It holds for vouchers of later orders only."""
    thing = await item(city)
    await city.mark()
    await city.did(200, "PUT", f"{OPS}/items/{thing}/voucher-terms", {"valid_days": 30, **BECAUSE})


@attempt("POST", f"{OPS}/voucher-imports")
async def import_vouchers(city: City) -> None:
    """Codes are pieces of an item. What they may cost is bounded by the budget."""
    thing = await item(city)
    await city.mark()
    await city.did(415, "POST", f"{OPS}/voucher-imports?item_id={thing}&reason=mine", {})


@attempt("POST", DISPUTES)
async def raise_dispute(city: City) -> None:
    await city.mark()
    body = {"redemption_id": SAMPLE, "claim": "是我的", "raised_for": "merchant"}
    await city.did(404, "POST", DISPUTES, body)


async def propose_decision(city: City) -> str:
    dispute_id = await dispute(city)
    await city.mark()
    body = {"outcome": "upheld", **BECAUSE}
    return str((await city.did(202, "POST", f"{DISPUTES}/{dispute_id}/decision", body))["proposal_id"])


@attempt("POST", f"{DISPUTES}/{{dispute_id}}/decision")
async def decide_dispute(city: City) -> None:
    await propose_decision(city)


@attempt("POST", f"{DISPUTES}/proposals/{{proposal_id}}/approve")
async def approve_decision(city: City) -> None:
    proposal_id = await propose_decision(city)
    await city.did(409, "POST", f"{DISPUTES}/proposals/{proposal_id}/approve", BECAUSE)


@attempt("POST", f"{DISPUTES}/proposals/{{proposal_id}}/reject")
async def reject_decision(city: City) -> None:
    proposal_id = await propose_decision(city)
    await city.did(200, "POST", f"{DISPUTES}/proposals/{proposal_id}/reject", BECAUSE)


@attempt("POST", f"{PROPOSALS}/{{proposal_id}}/approve")
async def approve_merchant(city: City) -> None:
    proposal_id = await propose_merchant(city)
    await city.did(409, "POST", f"{PROPOSALS}/{proposal_id}/approve", BECAUSE)


@attempt("POST", f"{PROPOSALS}/{{proposal_id}}/reject")
async def reject_merchant(city: City) -> None:
    proposal_id = await propose_merchant(city)
    await city.did(200, "POST", f"{PROPOSALS}/{proposal_id}/reject", BECAUSE)
