"""Holds over HTTP, as rewards uses them: set aside, spend, give back, expire, each once."""

import asyncio
import uuid
from typing import Any

import pytest

from services.accounting.ledger.holds import expire_holds
from tests.accounting.driver import Accounting
from tests.accounting.holds import Holds
from tests.accounting.reports import Reports
from tests.tokens import service_token

GRAM = 1000


async def citizen_with_300_g(accounting: Accounting) -> Reports:
    """Return a citizen with 300 g."""
    person = await accounting.citizen()
    await accounting.post(person.bus(), person.bus())
    return person


async def balance(accounting: Accounting, person: Reports) -> tuple[object, object]:
    body = await accounting.get(person, "/me/balance")
    return body["available_mg"], body["held_mg"]


async def test_a_captured_hold_spends_its_amount_once(accounting: Accounting, holds: Holds) -> None:
    person = await citizen_with_300_g(accounting)
    hold_id = uuid.uuid4()
    assert (await holds.place(person, 100 * GRAM, hold_id)).status_code == 201
    assert await balance(accounting, person) == (200 * GRAM, 100 * GRAM)
    for _repeat in range(2):
        captured = await holds.call("POST", f"/{hold_id}/capture", {"to": "redeemed:noodles"})
        assert (captured.status_code, captured.json()["status"]) == (200, "captured")
    assert await balance(accounting, person) == (200 * GRAM, 0)
    kinds = [e["kind"] for e in (await accounting.get(person, "/me/entries"))["items"]]  # type: ignore[attr-defined]
    assert kinds == ["hold", "credit", "credit"]


async def test_repeating_a_hold_is_harmless_and_other_fields_conflict(accounting: Accounting, holds: Holds) -> None:
    person = await citizen_with_300_g(accounting)
    hold_id = uuid.uuid4()
    answers = await asyncio.gather(*(holds.place(person, 100 * GRAM, hold_id) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert await balance(accounting, person) == (200 * GRAM, 100 * GRAM)
    other = await holds.place(person, 99 * GRAM, hold_id)
    assert (other.status_code, other.json()["code"]) == (409, "HOLD_DIFFERS")


async def test_a_hold_above_the_balance_is_refused_and_moves_nothing(accounting: Accounting, holds: Holds) -> None:
    person = await citizen_with_300_g(accounting)
    refused = await holds.place(person, 301 * GRAM)
    assert (refused.status_code, refused.json()["code"]) == (409, "INSUFFICIENT_BALANCE")
    assert refused.json()["available_mg"] == 300 * GRAM
    answers = await asyncio.gather(*(holds.place(person, 100 * GRAM) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert await balance(accounting, person) == (0, 300 * GRAM)


async def test_a_void_gives_back_once_and_blocks_a_late_hold(accounting: Accounting, holds: Holds) -> None:
    person = await citizen_with_300_g(accounting)
    hold_id, early = uuid.uuid4(), uuid.uuid4()
    await holds.place(person, 100 * GRAM, hold_id)
    for _repeat in range(2):
        assert (await holds.call("POST", f"/{hold_id}/void")).json()["status"] == "voided"
    assert await balance(accounting, person) == (300 * GRAM, 0)
    refused = await holds.call("POST", f"/{hold_id}/capture", {"to": "redeemed:noodles"})
    assert (refused.status_code, refused.json()["code"]) == (409, "HOLD_SETTLED")
    assert (await holds.call("POST", f"/{early}/void")).status_code == 200
    late = await holds.place(person, 100 * GRAM, early)
    assert (late.status_code, late.json()["code"]) == (409, "HOLD_SETTLED")
    assert await balance(accounting, person) == (300 * GRAM, 0)


async def test_of_a_concurrent_capture_and_void_one_succeeds(accounting: Accounting, holds: Holds) -> None:
    for _round in range(10):
        person = await citizen_with_300_g(accounting)
        hold_id = uuid.uuid4()
        await holds.place(person, 100 * GRAM, hold_id)
        answers = await asyncio.gather(
            holds.call("POST", f"/{hold_id}/capture", {"to": "donated:marathon"}),
            holds.call("POST", f"/{hold_id}/void"),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_an_overdue_hold_cannot_be_captured_and_is_given_back(
    accounting: Accounting, holds: Holds, admin: Any
) -> None:
    person = await citizen_with_300_g(accounting)
    hold_id = uuid.uuid4()
    assert (await holds.place(person, 100 * GRAM, hold_id)).status_code == 201
    await admin.execute("UPDATE accounting.hold SET expires_at = clock_timestamp() WHERE hold_id = $1", hold_id)
    refused = await holds.call("POST", f"/{hold_id}/capture", {"to": "redeemed:noodles"})
    assert (refused.status_code, refused.json()["code"]) == (409, "HOLD_SETTLED")
    async with accounting.database.transaction() as session:
        await expire_holds(session)
    assert await balance(accounting, person) == (300 * GRAM, 0)
    assert (await holds.call("GET", f"/{hold_id}")).json()["status"] == "expired"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount_mg": 0}, 422, "INVALID_REQUEST"),
        ({"amount_mg": 2**63}, 422, "INVALID_REQUEST"),
        ({"amount_mg": 1.5}, 422, "INVALID_REQUEST"),
        ({"purpose": ""}, 422, "INVALID_REQUEST"),
        ({"extra": 1}, 422, "INVALID_REQUEST"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 409, "HOLD_EXPIRY_INVALID"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, 409, "HOLD_EXPIRY_INVALID"),
    ],
)
async def test_bad_holds_are_refused_with_a_code(
    accounting: Accounting, holds: Holds, changes: dict[str, object], status: int, code: str
) -> None:
    person = await citizen_with_300_g(accounting)
    answer = await holds.place(person, 100 * GRAM, changes=changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await balance(accounting, person) == (300 * GRAM, 0)


async def test_only_services_may_use_holds(accounting: Accounting) -> None:
    person = await citizen_with_300_g(accounting)
    wrong = service_token("rewards", "accounts")
    forged = service_token("rewards", "accounting", key_of="accounts")
    for token in (wrong, forged, accounting.tokens.access(person.user_id), ""):
        answer = await accounting.client.post(
            f"/internal/accounting/holds/{uuid.uuid4()}/void", headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
