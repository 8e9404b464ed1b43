"""For every operators' route that writes: how one operator with every scope tries to gain grams by it.

An attempt sets its stage with other operators, calls `city.mark()`, and then acts alone.
"""

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from shared.auth import cp1
from shared.contracts import topics
from tests.accounting.operators import FACTORS, bus_km
from tests.accounting.reports import PARTNER
from tests.four_eyes.conftest import ACCOUNTING, INGEST, REWARDS, WHY, City

Attempt = Callable[[City], Awaitable[None]]
BECAUSE: Final = {"reason": WHY}
APP_KEY: Final = f"ak-{PARTNER}"
TERMS: Final = {
    "name": "江城公交",
    "name_en": "River City Transit",
    "source": f"//{PARTNER}.example",
    "scenes": ["bike_ride"],
    "event_types": ["trip.completed", "energy.saved"],
    "cities": [],
    "late_window_s": 366 * 86_400,
    "events_per_day": None,
    **BECAUSE,
}
ATTEMPTS: dict[tuple[str, str], Attempt] = {}


def attempt(method: str, path: str) -> Callable[[Attempt], Attempt]:
    def keep(function: Attempt) -> Attempt:
        ATTEMPTS[method, path] = function
        return function

    return keep


# --- dead letters, in both services that have them --------------------------------------------------------------------


def letter_attempts(service: str, root: str) -> None:
    def unreadable(city: City) -> bytes:
        plain: dict[str, Any] = msgspec.to_builtins(city.person.bus())
        plain["act"]["distance_m"] = "far"
        return json.dumps(plain).encode()

    async def mend(city: City) -> str:
        letter = await city.dead_letter(service, unreadable(city))
        await city.mark()
        body = {**BECAUSE, "patch": {"act": {"distance_m": 100_000}}}
        return str((await city.did(202, "POST", f"{root}/{letter}/replay", body))["mend"]["proposal_id"])

    @attempt("POST", f"{root}/{{letter_id}}/replay")
    async def replay(city: City) -> None:
        await mend(city)
        rubbish = await city.dead_letter(service, b"\xff rubbish")
        whole = msgspec.to_builtins(city.person.metro())
        for change in ({"value": whole}, {"patch": whole}, {}):
            await city.did(422, "POST", f"{root}/{rubbish}/replay", {**BECAUSE, **change})
        readable = await city.dead_letter(service, msgspec.json.encode(city.person.bus()))
        person = {"account_key": city.person.key_at("another")}
        for patch in (person, {"evidence_tier": "navigation_trace"}, {"act": {"distance_m": 10**6}}):
            await city.did(409, "POST", f"{root}/{readable}/replay", {**BECAUSE, "patch": patch})
        await city.did(200, "POST", f"{root}/{readable}/replay", BECAUSE)
        # Amounts and persons of other topics: a verdict, a binding.
        topic = topics.OUTCOMES if service == "ingest" else topics.BINDINGS
        other = await city.dead_letter(service, b'{"amount_mg": "x", "account_id": "y"}', topic)
        for field, invented in (("amount_mg", 10**9), ("account_id", str(city.person.account_id))):
            await city.did(422, "POST", f"{root}/{other}/replay", {**BECAUSE, "patch": {field: invented}})

    @attempt("POST", f"{root}/{{letter_id}}/discard")
    async def discard(city: City) -> None:
        letter = await city.dead_letter(service, unreadable(city))
        await city.mark()
        await city.did(200, "POST", f"{root}/{letter}/discard", BECAUSE)

    @attempt("POST", f"{root}/mends/{{proposal_id}}/approve")
    async def approve(city: City) -> None:
        proposal_id = await mend(city)
        await city.did(409, "POST", f"{root}/mends/{proposal_id}/approve", BECAUSE)

    @attempt("POST", f"{root}/mends/{{proposal_id}}/reject")
    async def reject(city: City) -> None:
        proposal_id = await mend(city)
        await city.did(200, "POST", f"{root}/mends/{proposal_id}/reject", BECAUSE)
        await city.did(409, "POST", f"{root}/mends/{proposal_id}/approve", BECAUSE)


letter_attempts("accounting", f"{ACCOUNTING}/dead-letters")
letter_attempts("ingest", f"{INGEST}/dead-letters")


# --- partners and keys ------------------------------------------------------------------------------------------------


async def propose_partner(city: City) -> str:
    await city.mark()
    body = {**TERMS, "partner_id": f"mine-{uuid.uuid4().hex[:8]}", "source": f"//{uuid.uuid4().hex}.example"}
    return str((await city.did(202, "POST", f"{INGEST}/partners", body))["proposal_id"])


@attempt("POST", f"{INGEST}/partners")
async def create_partner(city: City) -> None:
    await propose_partner(city)
    # A sandbox partner is made at once, and gets no live key.
    name = f"box-{uuid.uuid4().hex[:8]}"
    body = {**TERMS, "partner_id": name, "source": f"//{name}.example", "environment": "sandbox"}
    await city.did(201, "POST", f"{INGEST}/partners", body)
    key = {**BECAUSE, "algorithm": cp1.HMAC_SHA256, "environment": "live"}
    await city.did(409, "POST", f"{INGEST}/partners/{name}/keys", key)


@attempt("PUT", f"{INGEST}/partners/{{partner_id}}")
async def change_partner(city: City) -> None:
    await city.mark()
    await city.did(202, "PUT", f"{INGEST}/partners/{PARTNER}", TERMS)
    await city.did(422, "PUT", f"{INGEST}/partners/box", {**TERMS, "source": "//box.example", "environment": "live"})


@attempt("POST", f"{INGEST}/partners/{{partner_id}}/suspend")
async def suspend_partner(city: City) -> None:
    await city.mark()
    await city.did(200, "POST", f"{INGEST}/partners/box/suspend", BECAUSE)


@attempt("POST", f"{INGEST}/partners/{{partner_id}}/resume")
async def resume_partner(city: City) -> None:
    await city.did(200, "POST", f"{INGEST}/partners/{PARTNER}/suspend", BECAUSE, by="ann")
    await city.mark()
    await city.did(202, "POST", f"{INGEST}/partners/{PARTNER}/resume", BECAUSE)


@attempt("POST", f"{INGEST}/partners/{{partner_id}}/keys")
async def issue_key(city: City) -> None:
    await city.mark()
    body = {**BECAUSE, "algorithm": cp1.HMAC_SHA256}
    await city.did(202, "POST", f"{INGEST}/partners/{PARTNER}/keys", body)


@attempt("PUT", f"{INGEST}/partners/{{partner_id}}/keys/{{app_key}}")
async def set_key_times(city: City) -> None:
    key = f"{INGEST}/partners/{PARTNER}/keys/{APP_KEY}"
    await city.did(200, "PUT", key, {**BECAUSE, "not_after": "2026-01-01T00:00:00Z"}, by="ann")
    await city.mark()
    await city.did(202, "PUT", key, BECAUSE)


@attempt("POST", f"{INGEST}/partners/{{partner_id}}/keys/{{app_key}}/revoke")
async def revoke_key(city: City) -> None:
    await city.mark()
    await city.did(200, "POST", f"{INGEST}/partners/box/keys/ak-box/revoke", BECAUSE)
    await city.did(409, "PUT", f"{INGEST}/partners/box/keys/ak-box", BECAUSE)


@attempt("POST", f"{INGEST}/proposals/{{proposal_id}}/approve")
async def approve_partner(city: City) -> None:
    proposal_id = await propose_partner(city)
    await city.did(409, "POST", f"{INGEST}/proposals/{proposal_id}/approve", BECAUSE)


@attempt("POST", f"{INGEST}/proposals/{{proposal_id}}/reject")
async def reject_partner(city: City) -> None:
    proposal_id = await propose_partner(city)
    await city.did(200, "POST", f"{INGEST}/proposals/{proposal_id}/reject", BECAUSE)


@attempt("PUT", f"{INGEST}/webhooks/{{partner_id}}")
async def register_webhook(city: City) -> None:
    """The operator reads results there; results move no grams."""
    await city.mark()
    body = {**BECAUSE, "url": "https://example.com/receipts"}
    answer = await city.call("PUT", f"{INGEST}/webhooks/{PARTNER}", body)
    assert answer.status_code in {200, 201, 422}  # 422 where no resolver answers


@attempt("POST", f"{INGEST}/webhooks/{{partner_id}}:disable")
async def disable_webhook(city: City) -> None:
    await city.mark()
    await city.call("POST", f"{INGEST}/webhooks/{PARTNER}:disable", BECAUSE)


# --- the ledger -------------------------------------------------------------------------------------------------------


@attempt("POST", f"{ACCOUNTING}/accounts/{{account_id}}/freeze")
async def freeze(city: City) -> None:
    person = await city.rider()
    await city.mark()
    await city.did(200, "POST", f"{ACCOUNTING}/accounts/{person.account_id}/freeze", BECAUSE)


async def propose_unfreeze(city: City) -> str:
    person = await city.rider()
    await city.did(200, "POST", f"{ACCOUNTING}/accounts/{person.account_id}/freeze", BECAUSE, by="ann")
    await city.mark()
    made = await city.did(201, "POST", f"{ACCOUNTING}/accounts/{person.account_id}/unfreeze", BECAUSE)
    return str(made["proposal_id"])


@attempt("POST", f"{ACCOUNTING}/accounts/{{account_id}}/unfreeze")
async def unfreeze(city: City) -> None:
    await propose_unfreeze(city)


@attempt("POST", f"{ACCOUNTING}/unfreezes/{{proposal_id}}/approve")
async def approve_unfreeze(city: City) -> None:
    proposal_id = await propose_unfreeze(city)
    await city.did(409, "POST", f"{ACCOUNTING}/unfreezes/{proposal_id}/approve")


@attempt("POST", f"{ACCOUNTING}/unfreezes/{{proposal_id}}/reject")
async def reject_unfreeze(city: City) -> None:
    proposal_id = await propose_unfreeze(city)
    await city.did(200, "POST", f"{ACCOUNTING}/unfreezes/{proposal_id}/reject")


async def propose_reversal(city: City) -> str:
    """A reversal takes grams from one person, and frees the room under their caps."""
    person = await city.citizen()
    ride = person.bus()
    await city.accounting.post(ride)
    await city.mark()
    made = await city.did(201, "POST", f"{ACCOUNTING}/activities/{ride.event_key}/reversals", BECAUSE)
    return str(made["proposal_id"])


@attempt("POST", f"{ACCOUNTING}/activities/{{activity_id}}/reversals")
async def reverse(city: City) -> None:
    await propose_reversal(city)


@attempt("POST", f"{ACCOUNTING}/reversals/{{proposal_id}}/approve")
async def approve_reversal(city: City) -> None:
    proposal_id = await propose_reversal(city)
    await city.did(409, "POST", f"{ACCOUNTING}/reversals/{proposal_id}/approve")


@attempt("POST", f"{ACCOUNTING}/reversals/{{proposal_id}}/reject")
async def reject_reversal(city: City) -> None:
    proposal_id = await propose_reversal(city)
    await city.did(200, "POST", f"{ACCOUNTING}/reversals/{proposal_id}/reject")


async def propose_receiver(city: City) -> str:
    """A receiver of captured grams. Without it, no service can send grams there."""
    await city.mark()
    body = {"code": f"redeemed:mine-{uuid.uuid4().hex[:8]}", "title_zh": "我的", "title_en": "Mine", **BECAUSE}
    return str((await city.did(202, "POST", f"{ACCOUNTING}/capture-targets", body))["proposal_id"])


@attempt("POST", f"{ACCOUNTING}/capture-targets")
async def add_receiver(city: City) -> None:
    await propose_receiver(city)


@attempt("POST", f"{ACCOUNTING}/capture-targets/proposals/{{proposal_id}}/approve")
async def approve_receiver(city: City) -> None:
    proposal_id = await propose_receiver(city)
    await city.did(409, "POST", f"{ACCOUNTING}/capture-targets/proposals/{proposal_id}/approve")


@attempt("POST", f"{ACCOUNTING}/capture-targets/proposals/{{proposal_id}}/reject")
async def reject_receiver(city: City) -> None:
    proposal_id = await propose_receiver(city)
    await city.did(200, "POST", f"{ACCOUNTING}/capture-targets/proposals/{proposal_id}/reject")


# --- rules ------------------------------------------------------------------------------------------------------------

DRAFTS: Final = f"{ACCOUNTING}/methodologies/drafts"
RICH: Final = {"yaml": bus_km(formula="saved * distance * 9"), **BECAUSE}


async def draft(city: City, *, by: str) -> str:
    body = {"yaml": bus_km(), **BECAUSE}
    return str((await city.did(201, "POST", f"{ACCOUNTING}/methodologies", body, by=by))["draft_id"])


@attempt("POST", f"{ACCOUNTING}/methodologies")
async def write_draft(city: City) -> None:
    await city.mark()
    await city.did(201, "POST", f"{ACCOUNTING}/methodologies", RICH)


@attempt("PUT", f"{DRAFTS}/{{draft_id}}")
async def edit_draft(city: City) -> None:
    """Another's draft that was checked and waits for its publication."""
    draft_id = await draft(city, by="ann")
    await city.did(200, "POST", f"{DRAFTS}/{draft_id}/check", by="ann")
    await city.mark()
    await city.did(200, "PUT", f"{DRAFTS}/{draft_id}", RICH)
    await city.did(409, "POST", f"{DRAFTS}/{draft_id}/publish", BECAUSE)


@attempt("POST", f"{DRAFTS}/{{draft_id}}/check")
async def check_draft(city: City) -> None:
    draft_id = await draft(city, by="ann")
    await city.mark()
    await city.did(200, "POST", f"{DRAFTS}/{draft_id}/check")


@attempt("POST", f"{DRAFTS}/{{draft_id}}/publish")
async def publish_draft(city: City) -> None:
    await city.mark()
    draft_id = await draft(city, by="ops-alone")
    await city.did(200, "POST", f"{DRAFTS}/{draft_id}/check")
    for same in ("ops-alone", "OPS-Alone"):
        await city.did(409, "POST", f"{DRAFTS}/{draft_id}/publish", BECAUSE, by=same)


@attempt("POST", f"{DRAFTS}/{{draft_id}}/withdraw")
async def withdraw_draft(city: City) -> None:
    draft_id = await draft(city, by="ann")
    await city.mark()
    await city.did(200, "POST", f"{DRAFTS}/{draft_id}/withdraw", BECAUSE)


@attempt("POST", f"{ACCOUNTING}/methodologies/{{code}}/versions/{{version}}/retire")
async def retire(city: City) -> None:
    await city.mark()
    body = {**BECAUSE, "from": "2027-12-31"}
    await city.did(201, "POST", f"{ACCOUNTING}/methodologies/WH-APP-BUS/versions/1/retire", body)


async def propose_factors(city: City) -> str:
    await city.mark()
    text = FACTORS.replace("vintage: 2026", "vintage: 2025")
    return str((await city.did(201, "POST", f"{ACCOUNTING}/factors", {"yaml": text, **BECAUSE}))["proposal_id"])


@attempt("POST", f"{ACCOUNTING}/factors")
async def register_factors(city: City) -> None:
    await propose_factors(city)


@attempt("POST", f"{ACCOUNTING}/proposals/{{proposal_id}}/approve")
async def approve_factors(city: City) -> None:
    proposal_id = await propose_factors(city)
    await city.did(409, "POST", f"{ACCOUNTING}/proposals/{proposal_id}/approve", BECAUSE)


@attempt("POST", f"{ACCOUNTING}/proposals/{{proposal_id}}/reject")
async def reject_factors(city: City) -> None:
    proposal_id = await propose_factors(city)
    await city.did(200, "POST", f"{ACCOUNTING}/proposals/{proposal_id}/reject", BECAUSE)


@attempt("POST", f"{ACCOUNTING}/methodologies:what-if")
async def what_if(city: City) -> None:
    await city.mark()
    body = {"yaml": bus_km(), "from": "2026-10-01", "to": "2026-10-31", **BECAUSE}
    await city.did(202, "POST", f"{ACCOUNTING}/methodologies:what-if", body)


# --- reconciliation of rewards ----------------------------------------------------------------------------------------


@attempt("POST", f"{REWARDS}/runs")
async def reconcile(city: City) -> None:
    await city.mark()
    await city.did(202, "POST", f"{REWARDS}/runs")


async def propose_captures(city: City) -> str:
    """A finished run that found one confirmed order without its capture."""
    (run_id,) = await city.sql(
        "INSERT INTO rewards.reconciliation_run (run_id, requested_by, finished_at, position, differing)"
        " VALUES (gen_random_uuid(), 'nightly', now(), gen_random_uuid(), 1) RETURNING run_id::text"
    )
    await city.sql(
        "INSERT INTO rewards.reconciliation_difference (run_id, settlement_id, difference, kind, amount_mg)"
        " VALUES ($1::text::uuid, gen_random_uuid(), 'CAPTURE_MISSING', 'order', 1000) RETURNING 1",
        run_id,
    )
    await city.mark()
    return str((await city.did(201, "POST", f"{REWARDS}/runs/{run_id}/captures", BECAUSE))["proposal_id"])


@attempt("POST", f"{REWARDS}/runs/{{run_id}}/captures")
async def repeat_captures(city: City) -> None:
    await propose_captures(city)


@attempt("POST", f"{REWARDS}/captures/{{proposal_id}}/approve")
async def approve_captures(city: City) -> None:
    proposal_id = await propose_captures(city)
    await city.did(409, "POST", f"{REWARDS}/captures/{proposal_id}/approve")


@attempt("POST", f"{REWARDS}/captures/{{proposal_id}}/reject")
async def reject_captures(city: City) -> None:
    proposal_id = await propose_captures(city)
    await city.did(200, "POST", f"{REWARDS}/captures/{proposal_id}/reject")
