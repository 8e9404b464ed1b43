"""Spends over HTTP, as rewards uses them; who may call; where grams may go; refunds; what a person is told."""

import asyncio
import random
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import jwt
import pytest

from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.holds import Holds
from tests.accounting.operators import WHY, LedgerOperators, refusal
from tests.accounting.reports import Reports
from tests.databases import Dsns
from tests.tokens import service_token

GRAM = 1000
TO = "redeemed:noodles"
NOODLES = {"zh": "一碗热干面", "en": "A bowl of hot dry noodles"}


def wanted(person: Reports, amount_mg: int, **changes: Any) -> dict[str, Any]:
    hold_id = changes.pop("hold_id", None) or str(uuid.uuid4())
    return {
        "hold_id": hold_id,
        "account_id": str(person.account_id),
        "amount_mg": amount_mg,
        "purpose": f"order:{hold_id}",
        "expires_at": (clock.now() + timedelta(minutes=5)).isoformat(),
        "title": NOODLES,
        "to": TO,
        **changes,
    }


async def spend(holds: Holds, *items: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    answer = await holds.call("POST", "", {"items": items}, resource="spends")
    assert answer.status_code == 200, answer.text
    assert [item["hold_id"] for item in answer.json()["items"]] == [item["hold_id"] for item in items]
    return [(item["status"], item["code"]) for item in answer.json()["items"]]


async def rider(accounting: Accounting, rides: int = 2) -> Reports:
    """A citizen with 150 g a ride."""
    person = await accounting.citizen()
    await accounting.post(*(person.bus() for _ in range(rides)))
    return person


async def available_mg(accounting: Accounting, person: Reports) -> object:
    return (await accounting.get(person, "/me/balance"))["available_mg"]


async def test_c1_a_set_of_spends_ends_each_and_repeats_its_answers(accounting: Accounting, holds: Holds) -> None:
    rich, poor, frozen = await rider(accounting), await rider(accounting, 1), await rider(accounting)
    await accounting.client.post(
        f"/api/v1/accounting/ops/accounts/{frozen.account_id}/freeze", json=WHY, headers=accounting.tokens.operator()
    )
    items = [
        wanted(rich, 200 * GRAM),
        wanted(poor, 151 * GRAM),
        wanted(frozen, 1 * GRAM),
        wanted(rich, 101 * GRAM),
        wanted(rich, 100 * GRAM),
        wanted(poor, 1 * GRAM, to="redeemed:nobody-such"),
        wanted(poor, 1 * GRAM, expires_at=clock.now().isoformat()),
    ]
    ends = [
        ("captured", None),
        ("voided", "INSUFFICIENT_BALANCE"),
        ("voided", "ACCOUNT_FROZEN"),
        ("voided", "INSUFFICIENT_BALANCE"),
        ("captured", None),
        ("voided", "CAPTURE_TARGET_UNKNOWN"),
        ("voided", "HOLD_EXPIRY_INVALID"),
    ]
    assert await spend(holds, *items) == ends
    await accounting.post(poor.bus())
    assert await spend(holds, *items) == ends, "a refusal is final"
    assert await spend(holds, *reversed(items)) == ends[::-1]
    assert (await available_mg(accounting, rich), await available_mg(accounting, poor)) == (0, 300 * GRAM)
    late = await holds.place(poor, 151 * GRAM, uuid.UUID(items[1]["hold_id"]))
    assert refusal(late) == (409, "HOLD_SETTLED")


async def test_c1_one_id_twice_in_a_set_spends_once(accounting: Accounting, holds: Holds) -> None:
    person = await rider(accounting)
    item = wanted(person, 100 * GRAM)
    other = {**item, "amount_mg": 99 * GRAM}
    assert await spend(holds, item, item, other) == [("captured", None), ("captured", None), (None, "HOLD_DIFFERS")]
    assert await spend(holds, {**item, "to": "redeemed:guozao"}) == [(None, "HOLD_DIFFERS")]
    assert await available_mg(accounting, person) == 200 * GRAM


async def test_c1_spends_capture_a_hold_that_was_placed_before(accounting: Accounting, holds: Holds) -> None:
    person = await rider(accounting)
    held, voided = uuid.uuid4(), uuid.uuid4()
    assert (await holds.place(person, 100 * GRAM, held)).status_code == 201
    await holds.call("POST", f"/{voided}/void")
    items = [wanted(person, 100 * GRAM, hold_id=str(held), purpose="order:1"), wanted(person, 1, hold_id=str(voided))]
    assert await spend(holds, *items) == [("captured", None), ("voided", None)]
    assert await available_mg(accounting, person) == 200 * GRAM


async def test_c1_an_overdue_hold_is_voided_not_captured(
    accounting: Accounting, holds: Holds, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await rider(accounting)
    held = uuid.uuid4()
    await holds.place(person, 100 * GRAM, held)
    await admin.execute("UPDATE accounting.hold SET expires_at = now() - interval '1 s' WHERE hold_id = $1", held)
    assert await spend(holds, wanted(person, 100 * GRAM, hold_id=str(held), purpose="order:1")) == [("voided", None)]
    assert await available_mg(accounting, person) == 300 * GRAM


async def test_c1_many_sets_at_once_overdraw_nobody_and_never_wait_for_each_other(
    accounting: Accounting, holds: Holds
) -> None:
    """Sets of shared people and shared ids in random orders, beside single holds and voids of the same ids."""
    people = [await rider(accounting) for _ in range(6)]
    draw = random.Random(7)
    items = [wanted(person, 60 * GRAM) for person in people for _ in range(9)]
    calls: list[Any] = []
    for _ in range(14):
        chosen = draw.sample(items, 18)
        calls.append(spend(holds, *chosen))
        one = draw.choice(items)
        calls.append(holds.call("POST", f"/{one['hold_id']}/void"))
        calls.append(holds.call("POST", "", {key: one[key] for key in one if key != "to"}))
    draw.shuffle(calls)
    await asyncio.gather(*calls)
    final = dict(zip((item["hold_id"] for item in items), await spend(holds, *items), strict=True))
    captured = Counter(item["account_id"] for item in items if final[item["hold_id"]][0] == "captured")
    for person in people:
        assert captured[str(person.account_id)] <= 5
        assert await available_mg(accounting, person) == (300 - 60 * captured[str(person.account_id)]) * GRAM


async def test_b7_only_the_callers_of_a_route_may_call_it(accounting: Accounting, holds: Holds) -> None:
    person = await rider(accounting)
    body = {"items": [wanted(person, GRAM)]}
    for path, resource in (("", "spends"), (f"/{uuid.uuid4()}/capture", "holds"), (f"/{uuid.uuid4()}/refund", "holds")):
        answer = await holds.call("POST", path, body, caller="accounts", resource=resource)
        assert refusal(answer) == (403, "FORBIDDEN"), path
    state = f"/{person.account_id}"
    assert refusal(await holds.call("GET", state, resource="accounts")) == (403, "FORBIDDEN")
    assert (await holds.call("GET", state, resource="accounts", caller="accounts")).json()["frozen_since"] is None


async def test_b7_nobody_signs_for_another_service(accounting: Accounting) -> None:
    now = clock.now()
    claims = {"iss": "nobody-such", "aud": "accounting", "iat": now, "exp": now + timedelta(seconds=60), "jti": "1"}
    shared = "a-secret-that-every-service-once-had-in-common"
    forged = [
        service_token("rewards", "accounting", key_of="accounts"),
        jwt.encode(claims, shared, algorithm="HS256", headers={"typ": "svc+jwt"}),
        jwt.encode({**claims, "iss": "rewards"}, shared, algorithm="HS256", headers={"typ": "svc+jwt"}),
        jwt.encode({**claims, "iss": "rewards"}, "", algorithm="none", headers={"typ": "svc+jwt"}),
    ]
    for token in forged:
        answer = await accounting.client.post(
            f"/internal/accounting/holds/{uuid.uuid4()}/capture",
            json={"to": "redeemed:attacker"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert refusal(answer) == (401, "UNAUTHENTICATED")


async def test_b7_grams_go_to_known_receivers_only(
    accounting: Accounting, holds: Holds, ledger_operators: LedgerOperators
) -> None:
    person = await rider(accounting)
    hold_id = uuid.uuid4()
    await holds.place(person, 100 * GRAM, hold_id)
    capture = f"/{hold_id}/capture", {"to": "redeemed:attacker"}
    assert refusal(await holds.call("POST", *capture)) == (409, "CAPTURE_TARGET_UNKNOWN")

    body = {"code": "redeemed:attacker", "title_zh": "新赞助方", "title_en": "New sponsor", **WHY}
    proposed = await ledger_operators.call("ann", "/capture-targets", body)
    assert proposed.status_code == 202, proposed.text
    path = f"/capture-targets/proposals/{proposed.json()['proposal_id']}"
    assert refusal(await ledger_operators.call("ann", f"{path}/approve")) == (409, "SECOND_PERSON_NEEDED")
    assert refusal(await holds.call("POST", *capture)) == (409, "CAPTURE_TARGET_UNKNOWN")
    listed = await ledger_operators.call("bob", "/capture-targets/proposals", method="GET")
    assert [one["code"] for one in listed.json()["items"]] == ["redeemed:attacker"]
    assert (await ledger_operators.call("bob", f"{path}/approve")).json()["status"] == "approved"
    assert (await holds.call("POST", *capture)).status_code == 200
    assert refusal(await ledger_operators.call("ann", "/capture-targets", body)) == (409, "CAPTURE_TARGET_EXISTS")
    known = (await ledger_operators.call("bob", "/capture-targets", method="GET")).json()["items"]
    assert "redeemed:attacker" in [one["code"] for one in known]


@pytest.mark.parametrize("code", ["redeemed:", "person:x", "redeemed:a b", "issuance:WH-APP-BUS", "REDEEMED:x"])
async def test_b7_a_receiver_is_a_sponsor_or_a_campaign(ledger_operators: LedgerOperators, code: str) -> None:
    body = {"code": code, "title_zh": "甲", "title_en": "A", **WHY}
    assert refusal(await ledger_operators.call("ann", "/capture-targets", body)) == (422, "INVALID_REQUEST")


async def test_b7_the_service_cannot_change_a_receiver(accounting: Accounting, accounting_dsns: Dsns) -> None:
    connection = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        table = "accounting.capture_target"
        for change in (f"UPDATE {table} SET code = 'redeemed:x'", f"DELETE FROM {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)
    finally:
        await connection.close()


async def test_c9_a_frozen_account_is_told_with_its_balance_and_whom_to_ask(
    accounting: Accounting, holds: Holds, ledger_operators: LedgerOperators
) -> None:
    person = await rider(accounting)
    before = await accounting.get(person, "/me/balance")
    assert (before["frozen"], before["notice"]) == (False, None)
    await ledger_operators.call("ann", f"/accounts/{person.account_id}/freeze", WHY)
    body = await accounting.get(person, "/me/balance")
    assert body["frozen"] is True
    assert body["notice"] == (
        "您的碳账户已冻结：冻结期间不能兑换和捐赠，新的减碳量照常累计。如有疑问，请联系政务服务便民热线 12345。"
    )
    english = await accounting.get(person, "/me/balance", **{"Accept-Language": "en"})
    assert "12345" in str(english["notice"])
    state = (await holds.call("GET", f"/{person.account_id}", resource="accounts", caller="accounts")).json()
    assert state["frozen_since"] is not None


async def test_c10_a_refund_gives_captured_grams_back_once(accounting: Accounting, holds: Holds) -> None:
    person = await rider(accounting)
    item = wanted(person, 100 * GRAM)
    refund = f"/{item['hold_id']}/refund"
    assert refusal(await holds.call("POST", refund)) == (404, "HOLD_NOT_FOUND")
    await spend(holds, item)
    answers = await asyncio.gather(*(holds.call("POST", refund) for _ in range(8)))
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "refunded")}
    assert await available_mg(accounting, person) == 300 * GRAM
    assert await spend(holds, item) == [("refunded", None)]
    assert refusal(await holds.call("POST", f"/{item['hold_id']}/capture", {"to": TO})) == (409, "HOLD_SETTLED")
    assert refusal(await holds.call("POST", f"/{item['hold_id']}/void")) == (409, "HOLD_SETTLED")


async def test_c10_a_gift_to_a_campaign_and_an_unspent_hold_are_not_refunded(
    accounting: Accounting, holds: Holds
) -> None:
    person = await rider(accounting)
    gift, held = wanted(person, 100 * GRAM, to="donated:marathon"), uuid.uuid4()
    await spend(holds, gift)
    await holds.place(person, 100 * GRAM, held)
    for hold_id in (gift["hold_id"], held):
        assert refusal(await holds.call("POST", f"/{hold_id}/refund")) == (409, "HOLD_NOT_CAPTURED")


async def test_c10_refunded_grams_repay_a_debt_first(
    accounting: Accounting, holds: Holds, ledger_operators: LedgerOperators
) -> None:
    person = await rider(accounting)
    item = wanted(person, 300 * GRAM)
    await spend(holds, item)
    activities: Any = await accounting.get(person, "/me/activities")
    proposal_id = await ledger_operators.propose_reversal("ann", uuid.UUID(activities["items"][0]["activity_id"]))
    await ledger_operators.call("bob", f"/reversals/{proposal_id}/approve")
    await holds.call("POST", f"/{item['hold_id']}/refund")
    body = await accounting.get(person, "/me/balance")
    assert (body["available_mg"], body["debt_mg"]) == (150 * GRAM, 0)


async def lines(accounting: Accounting, person: Reports, **headers: str) -> list[tuple[str, str]]:
    page: Any = await accounting.get(person, "/me/entries", **headers)
    return [(line["direction"], line["title"]) for line in page["items"]]


async def test_c11_every_line_says_what_it_was(accounting: Accounting, holds: Holds) -> None:
    person = await rider(accounting)
    order = wanted(person, 100 * GRAM)
    donation_id = str(uuid.uuid4())
    gift = wanted(person, 50 * GRAM, hold_id=donation_id, purpose=f"donation:{donation_id}", to="donated:marathon")
    gift["title"] = {"zh": "零碳马拉松", "en": "Zero-carbon marathon"}
    await spend(holds, order, gift)
    await holds.call("POST", f"/{order['hold_id']}/refund")
    failed = uuid.uuid4()
    await holds.place(person, 10 * GRAM, failed, {"purpose": f"order:{failed}", "title": NOODLES})
    await holds.call("POST", f"/{failed}/void")
    found = await lines(accounting, person)
    assert found[:5] == [
        ("in", "兑换没有完成，退回：一碗热干面"),
        ("out", "兑换：一碗热干面"),
        ("in", "取消兑换，退回：一碗热干面"),
        ("out", "捐赠给零碳马拉松"),
        ("out", "兑换：一碗热干面"),
    ]
    assert len(found) == 7
    assert all(title and "hold" not in title and "WH-" not in title for _, title in found)
    english = await lines(accounting, person, **{"Accept-Language": "en"})
    assert english[3] == ("out", "Donated to Zero-carbon marathon")
    page: Any = await accounting.get(person, "/me/entries?limit=5")
    assert [line["order_id"] for line in page["items"]][2] == order["hold_id"]
    assert [line["donation_id"] for line in page["items"]][3] == donation_id


async def test_c11_a_line_of_an_activity_has_the_title_of_its_methodology(
    accounting: Accounting, holds: Holds, ledger_operators: LedgerOperators
) -> None:
    person = await rider(accounting, 1)
    (credit,) = await lines(accounting, person)
    assert credit[0] == "in"
    assert "公交" in credit[1]
    activities: Any = await accounting.get(person, "/me/activities")
    proposal_id = await ledger_operators.propose_reversal("ann", uuid.UUID(activities["items"][0]["activity_id"]))
    await ledger_operators.call("bob", f"/reversals/{proposal_id}/approve")
    assert (await lines(accounting, person))[0] == ("out", f"{credit[1]}，已撤销")


async def test_c11_a_hold_without_a_title_names_its_receiver(accounting: Accounting, holds: Holds) -> None:
    """Holds of earlier versions have no title. Once captured, the receiver's name stands in."""
    person = await rider(accounting)
    hold_id = uuid.uuid4()
    await holds.place(person, 100 * GRAM, hold_id, {"purpose": f"order:{hold_id}"})
    assert (await lines(accounting, person))[0] == ("out", "兑换：商品")
    await holds.call("POST", f"/{hold_id}/capture", {"to": TO})
    assert (await lines(accounting, person))[0] == ("out", f"兑换：{TO}")


MARATHON = {"zh": "零碳马拉松", "en": "Zero-carbon marathon"}


async def test_a_repeat_with_another_title_is_another_hold(accounting: Accounting, holds: Holds) -> None:
    """The title is one of the fields of a hold. A repeat without one comes from an earlier version of the caller."""
    person = await rider(accounting)
    item = wanted(person, 100 * GRAM)
    assert await spend(holds, item) == [("captured", None)]
    assert await spend(holds, {**item, "title": MARATHON}) == [(None, "HOLD_DIFFERS")]
    assert await spend(holds, {**item, "title": None}, item) == [("captured", None)] * 2
    held = uuid.uuid4()
    assert (await holds.place(person, GRAM, held, {"title": NOODLES})).status_code == 201
    assert refusal(await holds.place(person, GRAM, held, {"title": MARATHON})) == (409, "HOLD_DIFFERS")
    assert (await holds.place(person, GRAM, held, {"title": NOODLES})).status_code in {200, 201}
    assert {title for _, title in (await lines(accounting, person))[:2]} == {"使用减碳量", "兑换：一碗热干面"}


async def test_a_title_that_comes_later_leaves_the_line_of_an_old_hold(accounting: Accounting, holds: Holds) -> None:
    person = await rider(accounting)
    old = wanted(person, 100 * GRAM, title=None)
    assert await spend(holds, old) == [("captured", None)]
    assert await spend(holds, {**old, "title": MARATHON}) == [("captured", None)]
    assert (await lines(accounting, person))[0] == ("out", f"兑换：{TO}")


@pytest.mark.parametrize(
    "title",
    [
        {"zh": "", "en": "Noodles"},
        {"zh": "热干面", "en": " "},
        {"zh": "热\x00干面", "en": "Noodles"},
        {"zh": "热干面\n兑换：一辆汽车", "en": "Noodles"},
        {"zh": "面" * 201, "en": "Noodles"},
        {"zh": "热干面"},
    ],
)
async def test_a_title_that_no_line_can_show_is_refused(
    accounting: Accounting, holds: Holds, title: dict[str, str]
) -> None:
    person = await rider(accounting)
    answer = await holds.call("POST", "", {"items": [wanted(person, GRAM, title=title)]}, resource="spends")
    assert answer.status_code == 422, answer.text
    assert (await holds.place(person, GRAM, None, {"title": title})).status_code == 422
    assert await available_mg(accounting, person) == 300 * GRAM


async def test_the_database_refuses_half_a_title(
    accounting: Accounting, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for zh, en in (("热干面", None), (None, "Noodles"), ("面" * 201, "Noodles")):
        with pytest.raises(asyncpg.CheckViolationError, match="ck_hold_title"):
            await admin.execute(
                "INSERT INTO accounting.hold (hold_id, amount_mg, status, title_zh, title_en)"
                " VALUES (gen_random_uuid(), 0, 'voided', $1, $2)",
                zh,
                en,
            )
