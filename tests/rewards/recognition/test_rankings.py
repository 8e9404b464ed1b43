"""Rankings over HTTP: who is shown, where, in which order, and for how long."""

import random
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.rewards.participants import service as participants
from services.rewards.participants.data import pseudonyms
from services.rewards.rankings.domain import Period, span_before, span_of
from shared import clock
from shared.contracts.identity import enterprise_account_id, household_account_id
from tests.rewards.conftest import API, Rewards
from tests.rewards.recognition.acts import (
    RIDE_MG,
    account_of,
    board,
    consent,
    consume_donations,
    earn,
    employee,
    enterprise,
    give_consents,
    join,
    judged,
    left,
    live_in,
    move,
    my_rank,
    places,
    refresh,
    reversal,
    tell_enterprises,
    today,
)


async def put(rewards: Rewards, user_id: uuid.UUID, **body: Any) -> Any:
    return await rewards.client.put(
        f"{API}/me/rankings/participation", json=body, headers=rewards.tokens.citizen(user_id)
    )


async def test_who_takes_part_is_ranked_and_equal_amounts_share_a_rank(rewards: Rewards) -> None:
    people = [rewards.citizen() for _ in range(5)]
    for person in people[:4]:
        await join(rewards, person, district="420106")
    rides = [3, 1, 2, 1, 9]
    verdicts = [judged(account_of(one)) for one, count in zip(people, rides, strict=True) for _ in range(count)]
    await earn(rewards, verdicts)
    for query in ({}, {"scope": "district"}, {"scope": "community", "district": "420106"}, {"period": "all"}):
        found = await board(rewards, people[0], **query)
        assert [one[0] for one in found] == [1, 2, 3, 3]
        assert [one[1] for one in found] == [count * RIDE_MG for count in (3, 2, 1, 1)]
        assert [one[2] for one in found] == [True, False, False, False]
    assert await my_rank(rewards, people[3]) == (3, RIDE_MG, 4)
    assert await my_rank(rewards, people[4]) == (None, 0, 4)
    assert await board(rewards, people[0], scope="district", district="420107") == []
    await earn(rewards, [reversal(one) for one in verdicts[:3]])
    assert [one[0] for one in await board(rewards, people[1])] == [1, 2, 2]
    await places(rewards)


async def test_pages_and_ranks_are_those_of_counting_one_by_one(rewards: Rewards) -> None:
    """With many equal amounts, so that pages begin and end among them."""
    chance = random.Random(7)
    people = [rewards.citizen() for _ in range(60)]
    for person in people:
        await join(rewards, person)
    amounts = {person: chance.choice([100, 5_000, 5_001, 170_000, 170_000, 170_010, 10**9]) for person in people}
    await earn(rewards, [judged(account_of(one), amount_mg=amount) for one, amount in amounts.items()])
    ranks = {one: 1 + sum(other > mine for other in amounts.values()) for one, mine in amounts.items()}
    for limit in (1, 7, 100):
        shown: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            body = (await rewards.get("/rankings", people[0], **query)).json()
            shown += body["items"]
            if not body["has_more"]:
                break
            query["cursor"] = body["next_cursor"]
        assert [one["amount_mg"] for one in shown] == sorted(amounts.values(), reverse=True)
        assert [one["rank"] for one in shown] == sorted(ranks.values())
        assert len({one["pseudonym"] for one in shown}) == 60
    for person in people[::5]:
        assert (await my_rank(rewards, person))[:2] == (ranks[person], amounts[person])
    await places(rewards)


async def test_without_consent_nobody_is_shown(rewards: Rewards) -> None:
    anna = rewards.citizen()
    number = (await rewards.get("/me/rankings/choices", anna)).json()["pseudonyms"][0]["pseudonym_id"]
    answer = await put(rewards, anna, pseudonym_id=number)
    assert answer.json()["status"] == "waiting_for_consent"
    await earn(rewards, [judged(account_of(anna))])
    assert await board(rewards, anna) == []
    await give_consents(rewards, consent(anna, purpose="messages"))
    await refresh(rewards)
    assert await board(rewards, anna) == []
    await give_consents(rewards, consent(anna))
    await refresh(rewards)
    assert await board(rewards, anna) == [(1, RIDE_MG, True)]
    assert (await rewards.get("/me/rankings/participation", anna)).json()["status"] == "taking_part"


async def forget(rewards: Rewards, user_id: uuid.UUID, how: str) -> None:
    at = clock.now()
    if how == "leaves":
        url = f"{API}/me/rankings/participation"
        assert (await rewards.client.delete(url, headers=rewards.tokens.citizen(user_id))).status_code == 204
    elif how == "withdraws":
        await give_consents(rewards, consent(user_id, version=2, ends_at=at))
    else:
        await give_consents(rewards, consent(user_id, version=2, ends_at=at + timedelta(hours=1)))
        await refresh(rewards)
        assert len(await board(rewards, user_id)) == 2
        past = at - timedelta(seconds=1)
        await rewards.sql("UPDATE rewards.ranking_consent SET ends_at = $1 WHERE version = 2", past)
        async with rewards.database.transaction() as session:
            assert await participants.end_consents(session) == 1


@pytest.mark.parametrize("how", ["leaves", "withdraws", "lets it expire"])
async def test_who_opts_out_is_forgotten_with_pseudonym_and_places(rewards: Rewards, how: str) -> None:
    anna, ben = rewards.citizen(), rewards.citizen()
    number = await join(rewards, anna, district="420106")
    await join(rewards, ben, district="420106")
    await earn(rewards, [judged(account_of(anna)), judged(account_of(anna)), judged(account_of(ben))])
    assert (await my_rank(rewards, ben))[0] == 2
    await forget(rewards, anna, how)
    await refresh(rewards)
    assert await rewards.sql("SELECT 1 FROM rewards.standing WHERE member = $1", account_of(anna)) == []
    assert await rewards.sql("SELECT 1 FROM rewards.ranking_participant WHERE pseudonym = $1", number) == []
    for query in ({}, {"scope": "district"}, {"period": "all"}):
        assert await my_rank(rewards, ben, **query) == (1, RIDE_MG, 1)
    assert (await rewards.get("/me/rankings/participation", anna)).json()["status"] == "not_taking_part"
    await places(rewards)


async def test_an_older_consent_does_not_bring_somebody_back(rewards: Rewards) -> None:
    anna = rewards.citizen()
    await join(rewards, anna)
    await give_consents(rewards, consent(anna, version=3, ends_at=clock.now()))
    await give_consents(rewards, consent(anna, version=2))
    number = pseudonyms().number_of(12345)
    assert (await put(rewards, anna, pseudonym_id=number)).json()["status"] == "waiting_for_consent"
    await give_consents(rewards, consent(anna, version=4))
    assert (await rewards.get("/me/rankings/participation", anna)).json()["status"] == "taking_part"


async def test_a_pseudonym_has_one_bearer_and_comes_from_the_generator(rewards: Rewards) -> None:
    anna, ben = rewards.citizen(), rewards.citizen()
    number = await join(rewards, anna)
    taken = await put(rewards, ben, pseudonym_id=number)
    assert (taken.status_code, taken.json()["code"]) == (409, "PSEUDONYM_TAKEN")
    for wrong in ({"pseudonym_id": 2**31 - 1}, {"pseudonym_id": number, "district": "110101"}, {"pseudonym": "阿 Q"}):
        assert (await put(rewards, ben, **wrong)).status_code == 422
    assert (await put(rewards, anna, pseudonym_id=number, district="wh-optics-valley")).status_code == 200


async def test_who_changes_pseudonym_and_district_moves_from_board_to_board(rewards: Rewards) -> None:
    anna = rewards.citizen()
    await join(rewards, anna, district="420106")
    await earn(rewards, [judged(account_of(anna))])
    number = pseudonyms().number_of(99)
    await put(rewards, anna, pseudonym_id=number, district="420107")
    await refresh(rewards)
    assert await board(rewards, anna, scope="district", district="420106") == []
    [line] = (await rewards.get("/rankings", anna, scope="district")).json()["items"]
    assert line["pseudonym"] == pseudonyms().text(number).zh
    await put(rewards, anna, pseudonym_id=number, district=None)
    await refresh(rewards)
    answer = await rewards.get("/rankings", anna, scope="district")
    assert (answer.status_code, answer.json()["code"]) == (409, "DISTRICT_NOT_CHOSEN")
    await places(rewards)


async def test_a_late_act_counts_in_the_week_of_the_act(rewards: Rewards) -> None:
    anna = rewards.citizen()
    await join(rewards, anna)
    before = span_before(span_of(Period.WEEK, today())).starts_on
    await earn(rewards, [judged(account_of(anna), day=before)])
    assert await board(rewards, anna) == []
    assert await board(rewards, anna, which="previous") == [(1, RIDE_MG, True)]
    assert await board(rewards, anna, period="all") == [(1, RIDE_MG, True)]
    head = (await rewards.get("/rankings", anna, which="previous")).json()["board"]
    assert head["starts_on"] == str(before)
    assert (await rewards.get("/me/rank", anna, period="all")).json()["board"]["starts_on"] is None


async def test_donors_are_ranked_by_campaign(rewards: Rewards) -> None:
    await rewards.add_campaign()
    anna, ben = rewards.citizen(50_000_000), rewards.citizen(50_000_000)
    for person in (anna, ben):
        await join(rewards, person)
    await rewards.donate(anna, 2_000_000)
    await rewards.donate(ben, 5_000_000)
    await consume_donations(rewards)
    await refresh(rewards)
    query = {"scope": "campaign", "campaign_id": "zero-carbon-marathon"}
    assert await board(rewards, anna, **query) == [(1, 5_000_000, False), (2, 2_000_000, True)]
    assert await my_rank(rewards, anna, **query, period="all") == (2, 2_000_000, 2)
    assert (await rewards.get("/rankings", anna, scope="campaign")).status_code == 422


async def test_a_household_is_ranked_only_if_all_its_members_take_part(rewards: Rewards) -> None:
    anna, ben, household = rewards.citizen(), rewards.citizen(), uuid.uuid4()
    [_, stay] = await live_in(rewards, household, anna, ben)
    await join(rewards, anna)
    acts = [judged(account_of(anna)), judged(account_of(ben)), judged(household_account_id(household), amount_mg=1_000)]
    await earn(rewards, acts)
    assert await board(rewards, anna, scope="household") == []
    await join(rewards, ben)
    await refresh(rewards)
    assert await board(rewards, ben, scope="household") == [(1, 2 * RIDE_MG + 1_000, True)]
    assert await board(rewards, rewards.citizen(), scope="household") == [(1, 2 * RIDE_MG + 1_000, False)]
    await move(rewards, left(stay))
    await refresh(rewards)
    assert await my_rank(rewards, anna, scope="household") == (1, RIDE_MG + 1_000, 1)
    assert await my_rank(rewards, ben, scope="household") == (None, 0, 1)
    await places(rewards)


async def test_a_company_is_ranked_by_those_who_take_part_while_it_is_active(rewards: Rewards) -> None:
    anna, ben, company = rewards.citizen(), rewards.citizen(), uuid.uuid4()
    await tell_enterprises(rewards, employee(company, anna), enterprise(company), employee(company, ben))
    await join(rewards, anna)
    acts = [judged(account_of(anna)), judged(account_of(ben)), judged(enterprise_account_id(company), amount_mg=500)]
    await earn(rewards, acts)
    assert await board(rewards, ben, scope="enterprise") == [(1, RIDE_MG + 500, True)]
    await tell_enterprises(rewards, enterprise(company, version=2, status="suspended"))
    await refresh(rewards)
    assert await board(rewards, ben, scope="enterprise") == []
    await tell_enterprises(rewards, msgspec.structs.replace(enterprise(company), status="active"))  # an old record
    await refresh(rewards)
    assert await board(rewards, ben, scope="enterprise") == []


async def test_rankings_are_for_citizens_and_cursors_for_their_list(rewards: Rewards) -> None:
    assert (await rewards.get("/rankings")).status_code == 401
    anna = rewards.citizen()
    for query in ({"cursor": "WzFd"}, {"cursor": "x"}, {"scope": "world"}, {"period": "day"}, {"limit": "101"}):
        assert (await rewards.get("/rankings", anna, **query)).status_code == 422
    assert (await rewards.get("/rankings", anna)).json()["board"]["members"] == 0
    assert await my_rank(rewards, anna, scope="household") == (None, 0, 0)
