"""Declarations of citizens: judged at once, under the same caps, once per request, explained like other activities."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from services.accounting.claims import service as claims
from services.accounting.judging import duplicates
from shared import clock
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.identity import person_account_id
from tests.accounting.driver import Accounting
from tests.accounting.operators import LedgerOperators
from tests.accounting.outbox import outcomes
from tests.accounting.proofs.test_bundles import bundles, failed
from tests.accounting.reports import Reports
from tests.databases import Dsns

BAG_MG = 5_000


async def claim(
    accounting: Accounting,
    person: Reports,
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    **body: Any,
) -> httpx.Response:
    content = {"scene": "own_bag", "count": 1, "client_request_id": key or str(uuid.uuid4()), **body}
    return await accounting.client.post(
        "/api/v1/accounting/me/claims",
        json={name: value for name, value in content.items() if value is not None},
        headers={**accounting.tokens.citizen(person.user_id), **(headers or {})},
    )


def verdict(answer: httpx.Response) -> tuple[int, str, str, int]:
    body = answer.json()
    return answer.status_code, body["status"], body["reason_code"], body["amount_mg"]


def stranger() -> Reports:
    """Return a person without any binding."""
    user_id = uuid.uuid4()
    return Reports(user_id, person_account_id(user_id))


def till(person: Reports, *, minutes_ago: int) -> ActivityReported:
    at = clock.now() - timedelta(minutes=minutes_ago)
    return person.report(Act(kind="bag", started_at=at, city_code="420100", count=1, natural_key="r1"))


async def test_a_declared_bag_is_credited_at_once_and_explained(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = stranger()
    answer = await claim(accounting, person, evidence={"receipt_no": "A-1"})
    assert verdict(answer) == (201, "credited", "CREDITED", BAG_MG)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == BAG_MG
    why: Any = await accounting.get(person, f"/me/activities/{answer.json()['activity_id']}")
    assert (why["partner_id"], why["act"]["count"], why["scene"]) == ("~self", 1, "own_bag")
    assert "self" in why["explanation"]["evidence"]["en"].lower()
    announced = await outcomes(accounting_dsns)
    assert [(o.partner_id, o.status, o.amount_mg) for o in announced] == [("~self", "credited", BAG_MG)]
    entries: Any = await accounting.get(person, "/me/entries")
    assert [e["counterpart"] for e in entries["items"]] == ["issuance:WH-APP-BAG"]


async def test_caps_hold_for_declared_and_reported_acts_together(
    accounting: Accounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "DECLARATION_WINDOW", timedelta(-1))  # so that both can be of one minute, and day
    person = await accounting.citizen()
    await accounting.post(till(person, minutes_ago=0))
    assert verdict(await claim(accounting, person, count=3)) == (201, "credited", "PARTLY_CAPPED", BAG_MG)
    answer = await claim(accounting, person)
    assert verdict(answer) == (201, "refused", "DAILY_CAP", 0)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 2 * BAG_MG


async def test_a_repeated_request_counts_once_even_concurrently(accounting: Accounting) -> None:
    person, key = stranger(), "bag-1234567"
    answers = await asyncio.gather(*(claim(accounting, person, key=key) for _ in range(5)))
    assert {verdict(answer) for answer in answers} == {(201, "credited", "CREDITED", BAG_MG)}
    assert len({answer.json()["activity_id"] for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == ["", *["true"] * 4]
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == BAG_MG
    other = await claim(accounting, person, key=key, count=2)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    by_header = await claim(accounting, person, headers={"Idempotency-Key": key})
    assert by_header.headers["Idempotent-Replayed"] == "true"


async def test_a_request_without_a_key_is_refused(accounting: Accounting) -> None:
    answer = await accounting.client.post(
        "/api/v1/accounting/me/claims",
        json={"scene": "own_bag", "count": 1},
        headers=accounting.tokens.citizen(stranger().user_id),
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    short = await claim(accounting, stranger(), headers={"Idempotency-Key": "short"})
    assert short.status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"scene": "metro"}, 409, "SCENE_NOT_CLAIMABLE"),
        ({"scene": "invented"}, 409, "SCENE_NOT_CLAIMABLE"),
        ({"count": 0}, 422, "INVALID_REQUEST"),
        ({"count": True}, 422, "INVALID_REQUEST"),
        ({"scene": "Own Bag"}, 422, "INVALID_REQUEST"),
        ({"evidence": {"receipt_no": "a\x00b"}}, 422, "INVALID_REQUEST"),
        ({"city_code": "42"}, 422, "INVALID_REQUEST"),
        ({"amount_mg": 10}, 422, "INVALID_REQUEST"),
    ],
)
async def test_a_scene_that_cannot_be_declared_is_refused(
    accounting: Accounting, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await claim(accounting, stranger(), **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_implausible_numbers_and_other_cities_earn_nothing(accounting: Accounting) -> None:
    person = stranger()
    assert verdict(await claim(accounting, person, count=21))[1:3] == ("refused", "IMPLAUSIBLE_AMOUNT")
    assert verdict(await claim(accounting, person, city_code="440300"))[1:3] == ("refused", "NO_METHODOLOGY")


@pytest.mark.parametrize(("minutes_ago", "reason"), [(10, "DUPLICATE_ACT"), (40, "CREDITED")])
async def test_a_purchase_reported_by_the_till_is_not_credited_again_by_a_declaration(
    accounting: Accounting, minutes_ago: int, reason: str
) -> None:
    person = await accounting.citizen()
    await accounting.post(till(person, minutes_ago=minutes_ago))
    assert verdict(await claim(accounting, person))[2] == reason


async def test_a_declared_purchase_is_not_credited_again_by_the_till(accounting: Accounting) -> None:
    person = await accounting.citizen()
    assert verdict(await claim(accounting, person))[2] == "CREDITED"
    await accounting.post(till(person, minutes_ago=3))
    page: Any = await accounting.get(person, "/me/activities")
    assert sorted(item["reason_code"] for item in page["items"]) == ["CREDITED", "DUPLICATE_ACT"]
    # Two purchases that tills prove are two, however close.
    shopper = await accounting.citizen()
    second = shopper.report(
        Act(kind="bag", started_at=clock.now() - timedelta(minutes=5), city_code="420100", count=1, natural_key="r2")
    )
    await accounting.post(till(shopper, minutes_ago=6), second)
    assert (await accounting.get(shopper, "/me/balance"))["available_mg"] == 2 * BAG_MG


async def test_a_receipt_counts_once(accounting: Accounting) -> None:
    person = stranger()
    assert verdict(await claim(accounting, person, evidence={"receipt_no": "A-1"}))[2] == "CREDITED"
    assert verdict(await claim(accounting, person, evidence={"receipt_no": "A-1"}))[2] == "DUPLICATE_ACT"
    assert verdict(await claim(accounting, person, evidence={"receipt_no": "A-2"}))[2] == "CREDITED"


async def test_the_number_of_declarations_a_day_is_limited(
    accounting: Accounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "CLAIMS_A_DAY_MAX", 3)
    person = stranger()
    for _ in range(3):
        assert (await claim(accounting, person)).status_code == 201
    answer = await claim(accounting, person)
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_CLAIMS")
    assert int(answer.headers["Retry-After"]) > 0


async def test_operators_can_reverse_a_declaration(accounting: Accounting) -> None:
    person, ledger_operators = stranger(), LedgerOperators(accounting)
    activity_id = (await claim(accounting, person)).json()["activity_id"]
    proposal = await ledger_operators.propose_reversal("ann", activity_id)
    assert (await ledger_operators.call("bob", f"/reversals/{proposal}/approve")).status_code == 200
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 0


async def test_the_bundle_of_a_declaration_recomputes(accounting: Accounting) -> None:
    person = stranger()
    await claim(accounting, person, count=2)
    await claim(accounting, person)
    found = await bundles(accounting, person)
    assert sorted(bundle["activity"]["amount_mg"] for bundle in found) == [0, 2 * BAG_MG]
    assert [failed(bundle) for bundle in found] == [[], []]


async def test_a_failed_declaration_leaves_no_rows(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = stranger()
    await claim(accounting, person, scene="metro")
    connection = await asyncpg.connect(accounting_dsns.admin)
    assert await connection.fetchval("SELECT count(*) FROM accounting.ledger_account") == 0
    await connection.close()
