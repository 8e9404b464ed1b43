"""Spending the grams of a household or of a family card: rules, limits, agreements, races."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared import clock
from shared.contracts.households_v1 import CardChanged, RuleChanged, RuleKind
from tests.accounting.driver import Accounting
from tests.accounting.holds import Holds
from tests.accounting.households.homes import KWH_MG, METER, Home, family, handle_facts, publish, saving, unpublish
from tests.accounting.ledger.test_spends import spend, wanted
from tests.accounting.operators import WHY, refusal
from tests.accounting.reports import Reports
from tests.databases import Dsns

ABOUT = "order:reganmian"


@pytest.fixture(autouse=True)
async def district(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    await publish(accounting.database)
    yield
    await unpublish(accounting_dsns)


async def rich_family(accounting: Accounting, size: int = 2) -> tuple[Home, list[Reports]]:
    """A household with KWH_MG grams of its meter."""
    home, people = await family(accounting, size)
    await accounting.post(saving(people[0], METER))
    assert await home_mg(accounting, home, people[0]) == KWH_MG
    return home, people


async def home_mg(accounting: Accounting, home: Home, person: Reports) -> int:
    return int(str((await accounting.get(person, f"/households/{home.household_id}/balance"))["available_mg"]))


async def set_rule(accounting: Accounting, home: Home, kind: RuleKind, limit_mg: int = 0, version: int = 1) -> None:
    rule = RuleChanged(
        household_id=home.household_id, version=version, kind=kind, limit_mg=limit_mg, changed_at=clock.now()
    )
    assert await handle_facts(accounting, rule) == 0


def of_home(
    home: Home, spender: Reports, amount_mg: int, agreement_id: str | None = None, about: str = ABOUT, **changes: Any
) -> dict[str, Any]:
    who = {"account_id": str(spender.account_id), "about": about, "agreement_id": agreement_id}
    return wanted(spender, amount_mg, account_id=str(home.account_id), spender=who, **changes)


async def ask(
    accounting: Accounting, person: Reports, path: str, body: object = None, method: str = "POST"
) -> httpx.Response:
    return await accounting.client.request(
        method, f"/api/v1/accounting{path}", json=body, headers=accounting.tokens.citizen(person.user_id)
    )


async def propose(accounting: Accounting, home: Home, person: Reports, amount_mg: int) -> str:
    answer = await ask(
        accounting, person, f"/households/{home.household_id}/agreements", {"about": ABOUT, "amount_mg": amount_mg}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["agreement_id"])


async def agree(accounting: Accounting, home: Home, person: Reports, agreement_id: str) -> dict[str, Any]:
    answer = await ask(accounting, person, f"/households/{home.household_id}/agreements/{agreement_id}/agree")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_member_spends_within_the_monthly_limit_and_no_more(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    await set_rule(accounting, home, "any_member_up_to", 200_000)
    first = of_home(home, anna, 150_000)
    assert await spend(holds, first) == [("captured", None)]
    assert await spend(holds, of_home(home, anna, 50_001)) == [("voided", "MONTHLY_LIMIT_REACHED")]
    assert await spend(holds, of_home(home, anna, 50_000)) == [("captured", None)]
    assert await spend(holds, of_home(home, bert, 200_000)) == [("captured", None)], "a limit for each member"
    assert await spend(holds, first) == [("captured", None)], "a repeat takes nothing"
    assert await home_mg(accounting, home, bert) == KWH_MG - 400_000
    answer = await holds.call("POST", f"/{first['hold_id']}/refund")
    assert answer.json()["status"] == "refunded", answer.text
    assert await home_mg(accounting, home, bert) == KWH_MG - 250_000
    assert await spend(holds, of_home(home, anna, 150_000)) == [("captured", None)], "refunded grams count no more"


async def test_without_a_rule_all_members_have_to_agree(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    assert await spend(holds, of_home(home, anna, 1000)) == [("voided", "AGREEMENT_REQUIRED")]
    agreement_id = await propose(accounting, home, anna, 300_000)
    assert await spend(holds, of_home(home, anna, 300_000, agreement_id)) == [("voided", "AGREEMENT_REQUIRED")]
    view = await agree(accounting, home, bert, agreement_id)
    assert (view["complete"], view["missing"], view["mine"]) == (True, [], False)
    for wrong in (
        of_home(home, bert, 300_000, agreement_id),  # another member
        of_home(home, anna, 300_001, agreement_id),  # more
        of_home(home, anna, 300_000, agreement_id, about="order:doupi"),  # something else
        of_home(home, anna, 300_000, str(uuid.uuid4())),
    ):
        assert await spend(holds, wrong) == [("voided", "AGREEMENT_REQUIRED")]
    twice = [of_home(home, anna, 100_000, agreement_id), of_home(home, anna, 100_000, agreement_id)]
    assert await spend(holds, *twice) == [("captured", None), ("voided", "AGREEMENT_REQUIRED")]
    assert await spend(holds, of_home(home, anna, 100_000, agreement_id)) == [("voided", "AGREEMENT_REQUIRED")]
    [spent] = (await ask(accounting, bert, f"/households/{home.household_id}/spends", method="GET")).json()["items"]
    assert (spent["amount_mg"], spent["agreed"], spent["mine"], spent["title"]) == (100_000, True, False, "一碗热干面")
    assert spent["spent_by"] == str(home.stays[anna.user_id].membership_id)
    [shown] = (await ask(accounting, bert, f"/households/{home.household_id}/agreements", method="GET")).json()["items"]
    assert shown["status"] == "spent"


async def test_an_ended_session_proposes_agrees_and_refuses_nothing(accounting: Accounting) -> None:
    home, [anna, bert] = await rich_family(accounting)
    agreement_id = await propose(accounting, home, anna, 300_000)
    path = f"/households/{home.household_id}/agreements"
    calls = (
        (anna, path, {"about": ABOUT, "amount_mg": 1000}),
        (bert, f"{path}/{agreement_id}/agree", None),
        (bert, f"{path}/{agreement_id}/refuse", None),
    )
    accounting.accounts.ended = {str(anna.user_id), str(bert.user_id)}
    for person, route, content in calls:
        assert refusal(await ask(accounting, person, route, content)) == (401, "SESSION_ENDED")
    accounting.accounts.ended, accounting.accounts.down = set(), True
    for person, route, content in calls:
        assert refusal(await ask(accounting, person, route, content)) == (503, "UNAVAILABLE")
    accounting.accounts.down = False
    [shown] = (await ask(accounting, bert, path, method="GET")).json()["items"]
    assert (shown["complete"], len(shown["missing"])) == (False, 1)


async def test_a_person_who_lives_alone_agrees_with_nobody(accounting: Accounting, holds: Holds) -> None:
    home, [anna] = await rich_family(accounting, 1)
    assert await spend(holds, of_home(home, anna, 1000)) == [("captured", None)]


async def test_one_refusal_ends_a_proposal(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert, cleo] = await rich_family(accounting, 3)
    agreement_id = await propose(accounting, home, anna, 300_000)
    await agree(accounting, home, bert, agreement_id)
    path = f"/households/{home.household_id}/agreements/{agreement_id}"
    assert (await ask(accounting, cleo, f"{path}/refuse")).json()["status"] == "refused"
    assert refusal(await ask(accounting, cleo, f"{path}/agree")) == (409, "AGREEMENT_CLOSED")
    assert await spend(holds, of_home(home, anna, 300_000, agreement_id)) == [("voided", "AGREEMENT_REQUIRED")]


async def test_who_moves_in_after_the_agreement_has_to_agree_too(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    agreement_id = await propose(accounting, home, anna, 300_000)
    await agree(accounting, home, bert, agreement_id)
    cleo = await accounting.citizen()
    await home.enter(cleo, at=clock.now())
    assert await spend(holds, of_home(home, anna, 1000, agreement_id)) == [("voided", "AGREEMENT_REQUIRED")]
    await agree(accounting, home, cleo, agreement_id)
    assert await spend(holds, of_home(home, anna, 1000, agreement_id)) == [("captured", None)]
    answer = await ask(accounting, cleo, f"/households/{home.household_id}/agreements", method="GET")
    assert answer.json()["items"] == [], "nothing of the time before"


async def test_a_member_who_left_spends_nothing_even_what_was_agreed(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    await set_rule(accounting, home, "any_member_up_to", 200_000)
    agreement_id = await propose(accounting, home, anna, 300_000)
    await agree(accounting, home, bert, agreement_id)
    await home.leave(anna, clock.now())
    pending = of_home(home, anna, 300_000, agreement_id)
    assert await spend(holds, pending) == [("voided", "SPENDER_NOT_ALLOWED")]
    assert await spend(holds, pending) == [("voided", "SPENDER_NOT_ALLOWED")], "final"
    assert await spend(holds, of_home(home, anna, 1000)) == [("voided", "SPENDER_NOT_ALLOWED")]
    path = f"/households/{home.household_id}/agreements"
    assert refusal(await ask(accounting, anna, f"{path}/{agreement_id}/agree")) == (404, "HOUSEHOLD_NOT_FOUND")
    assert refusal(await ask(accounting, anna, path, method="GET")) == (404, "HOUSEHOLD_NOT_FOUND")


async def test_strangers_spend_nothing_and_learn_nothing(accounting: Accounting, holds: Holds) -> None:
    home, [anna, _] = await rich_family(accounting)
    other, [dora, _] = await family(accounting)
    stranger = await accounting.citizen()
    for who in (dora, stranger):
        assert await spend(holds, of_home(home, who, 1000)) == [("voided", "SPENDER_NOT_ALLOWED")]
    of_another = wanted(
        stranger,
        1000,
        account_id=str(anna.account_id),
        spender={"account_id": str(stranger.account_id), "about": ABOUT},
    )
    assert await spend(holds, of_another) == [("voided", "SPENDER_NOT_ALLOWED")]
    assert await spend(holds, wanted(anna, 1000, account_id=str(home.account_id))) == [
        ("voided", "INSUFFICIENT_BALANCE")
    ], "without its spender, a household has nothing to spend"
    agreement_id = await propose(accounting, home, anna, 1000)
    foreign = f"/households/{other.household_id}/agreements/{agreement_id}/agree"
    assert refusal(await ask(accounting, dora, foreign)) == (404, "AGREEMENT_NOT_FOUND")
    unknown = wanted(
        anna, 1, account_id=str(uuid.uuid4()), spender={"account_id": str(anna.account_id), "about": ABOUT}
    )
    assert await spend(holds, unknown) == [("voided", "SPENDER_NOT_ALLOWED")]


async def test_a_frozen_member_spends_nothing_of_the_household(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    await set_rule(accounting, home, "any_member_up_to", 200_000)
    frozen = await accounting.client.post(
        f"/api/v1/accounting/ops/accounts/{anna.account_id}/freeze", json=WHY, headers=accounting.tokens.operator()
    )
    assert frozen.status_code == 200, frozen.text
    assert await spend(holds, of_home(home, anna, 1000)) == [("voided", "ACCOUNT_FROZEN")]
    assert await spend(holds, of_home(home, bert, 1000)) == [("captured", None)]


async def test_an_old_rule_never_replaces_a_newer_one(accounting: Accounting, holds: Holds) -> None:
    home, [anna, _] = await rich_family(accounting)
    await set_rule(accounting, home, "all_agree", version=3)
    await set_rule(accounting, home, "any_member_up_to", 500_000, version=2)
    assert await spend(holds, of_home(home, anna, 1000)) == [("voided", "AGREEMENT_REQUIRED")]


async def test_two_members_who_spend_the_last_grams_at_once_spend_them_once(
    accounting: Accounting, holds: Holds
) -> None:
    home, [anna, bert] = await rich_family(accounting)
    await set_rule(accounting, home, "any_member_up_to", KWH_MG)
    asked = [spend(holds, of_home(home, who, 300_000)) for who in (anna, bert) * 4]
    ends = Counter(end for [end] in await asyncio.gather(*asked))
    assert ends[("captured", None)] == 1
    assert sum(ends.values()) == 8
    assert await home_mg(accounting, home, anna) == KWH_MG - 300_000


async def test_a_crowd_of_spends_never_passes_the_limit_of_a_member(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    await set_rule(accounting, home, "any_member_up_to", 100_000)
    asked = [spend(holds, of_home(home, anna, 30_000), of_home(home, bert, 40_000)) for _ in range(8)]
    ends = [end for pair in await asyncio.gather(*asked) for end in pair]
    assert Counter(ends) == {("captured", None): 5, ("voided", "MONTHLY_LIMIT_REACHED"): 11}
    assert await home_mg(accounting, home, anna) == KWH_MG - 90_000 - 80_000


async def test_an_agreement_is_used_once_by_whatever_race(accounting: Accounting, holds: Holds) -> None:
    home, [anna, bert] = await rich_family(accounting)
    agreement_id = await propose(accounting, home, anna, 100_000)
    await agree(accounting, home, bert, agreement_id)
    asked = [spend(holds, of_home(home, anna, 100_000, agreement_id)) for _ in range(8)]
    ends = Counter(end for [end] in await asyncio.gather(*asked))
    assert ends == {("captured", None): 1, ("voided", "AGREEMENT_REQUIRED"): 7}


async def test_leaving_and_an_agreed_spend_at_once_have_one_right_end(accounting: Accounting, holds: Holds) -> None:
    for _ in range(5):
        home, [anna, bert] = await family(accounting)
        await set_rule(accounting, home, "any_member_up_to", KWH_MG)
        await asyncio.gather(
            spend(holds, of_home(home, anna, 1000)), home.leave(anna, clock.now()), spend(holds, of_home(home, bert, 1))
        )
        assert await spend(holds, of_home(home, anna, 1)) == [("voided", "SPENDER_NOT_ALLOWED")]


async def test_a_household_has_a_bounded_number_of_open_agreements(accounting: Accounting) -> None:
    home, [anna, _] = await family(accounting)
    for _ in range(20):
        await propose(accounting, home, anna, 1)
    path = f"/households/{home.household_id}/agreements"
    answer = await ask(accounting, anna, path, {"about": ABOUT, "amount_mg": 1})
    assert refusal(answer) == (409, "TOO_MANY_AGREEMENTS")


def card_of(card: Reports, proxy: Reports | None, limit_mg: int, version: int = 1, **changes: Any) -> CardChanged:
    return CardChanged(
        card_id=card.user_id,
        version=version,
        account_id=card.account_id,
        proxy_account_id=None if proxy is None else proxy.account_id,
        limit_mg=limit_mg,
        since=clock.now() - timedelta(days=1),
        changed_at=clock.now(),
        **changes,
    )


async def test_a_proxy_sees_and_spends_the_grams_of_a_family_card_within_the_limit(
    accounting: Accounting, holds: Holds
) -> None:
    granny, child, other = [await accounting.citizen() for _ in range(3)]
    await accounting.post(granny.bus(), granny.bus())
    await handle_facts(accounting, card_of(granny, child, 100_000))

    def by(who: Reports, amount_mg: int) -> dict[str, Any]:
        spender = {"account_id": str(who.account_id), "about": ABOUT}
        return wanted(granny, amount_mg, spender=spender)

    path = f"/family-cards/{granny.user_id}"
    assert (await ask(accounting, child, f"{path}/balance", method="GET")).json()["available_mg"] == 300_000
    assert len((await ask(accounting, child, f"{path}/activities", method="GET")).json()["items"]) == 2
    for part in ("balance", "activities"):
        assert refusal(await ask(accounting, other, f"{path}/{part}", method="GET")) == (404, "FAMILY_CARD_NOT_FOUND")
    assert await spend(holds, by(other, 1000)) == [("voided", "SPENDER_NOT_ALLOWED")]
    asked = await asyncio.gather(*(spend(holds, by(child, 30_000)) for _ in range(6)))
    assert Counter(end for [end] in asked) == {("captured", None): 3, ("voided", "MONTHLY_LIMIT_REACHED"): 3}
    await handle_facts(accounting, card_of(granny, child, 100_000, version=2, ended_at=clock.now()))
    assert await spend(holds, by(child, 1000)) == [("voided", "SPENDER_NOT_ALLOWED")]
    assert refusal(await ask(accounting, child, f"{path}/balance", method="GET")) == (404, "FAMILY_CARD_NOT_FOUND")
