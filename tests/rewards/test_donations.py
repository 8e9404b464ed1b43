"""Donations to a campaign: exact totals, one certificate each, a public check."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared import clock
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import DonationMade, RewardEvent
from tests.cloud_events import read_event
from tests.databases import connect_past_triggers
from tests.rewards.conftest import API, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE

MARATHON = "zero-carbon-marathon"


async def campaign(rewards: Rewards) -> dict[str, Any]:
    found: dict[str, Any] = (await rewards.get(f"/campaigns/{MARATHON}")).json()
    return found


async def test_a_donation_gives_a_certificate(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10_000_000)
    answer = await rewards.donate(user, 2_345_678)
    assert answer.status_code == 201, answer.text
    donation = answer.json()
    certificate = donation["certificate"]
    assert donation["status"] == "confirmed"
    assert certificate["amount_mg"] == donation["amount_mg"] == 2_345_678
    assert certificate["display"] == "2.34 千克"
    assert certificate["campaign"] == {"campaign_id": MARATHON, "title": "零碳马拉松"}
    day = clock.local_date(clock.now(), "Asia/Shanghai")
    assert certificate["certificate_no"].startswith(f"{day:%Y%m%d}")
    assert rewards.balance_mg(user) == 10_000_000 - 2_345_678
    assert rewards.ledger.accounts == {f"donated:{MARATHON}": 2_345_678}

    assert (await rewards.get("/me/donations", user)).json()["items"] == [donation]
    assert (await rewards.get(f"/donations/{donation['donation_id']}", user)).json() == donation
    stranger = rewards.citizen()
    assert (await rewards.get(f"/donations/{donation['donation_id']}", stranger)).status_code == 404
    assert (await rewards.get("/me/donations", stranger)).json()["items"] == []


async def test_a_certificate_can_be_checked_publicly_and_contains_no_name(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10_000)
    certificate = (await rewards.donate(user, 5_000)).json()["certificate"]
    number = certificate["certificate_no"]
    checked = await rewards.get(f"/certificates/{number}")
    assert checked.json() == certificate
    assert str(user) not in checked.text
    assert str(person_account_id(user)) not in checked.text
    grouped = "-".join(number[i : i + 4] for i in range(0, 20, 4))
    assert (await rewards.get(f"/certificates/{grouped}")).json() == certificate

    swapped = number[:-2] + number[-1] + number[-2]
    wrong_digit = str((int(number[0]) + 1) % 10) + number[1:]
    for mistyped in ({swapped, wrong_digit, number[:-1], number + "0", "x" * 20, "١" * 20}) - {number}:
        answer = await rewards.get(f"/certificates/{mistyped}")
        assert (answer.status_code, answer.json()["code"]) == (422, "CERTIFICATE_NO_MISTYPED"), mistyped
    connection = await connect_past_triggers(rewards.dsns)  # nobody else can remove a certificate
    await connection.execute("DELETE FROM rewards.certificate")
    await connection.close()
    unknown = await rewards.get(f"/certificates/{number}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "CERTIFICATE_NOT_FOUND")


async def test_a_certificate_cannot_be_changed_by_the_service(rewards: Rewards) -> None:
    await rewards.add_campaign()
    await rewards.donate(rewards.citizen(10_000), 5_000)
    rights = await rewards.sql(
        "SELECT privilege_type FROM information_schema.role_table_grants"
        " WHERE table_schema = 'rewards' AND table_name = 'certificate' AND grantee = 'rewards'"
    )
    assert {row["privilege_type"] for row in rights} == {"SELECT", "INSERT"}


async def test_totals_are_exact_after_concurrent_donations(rewards: Rewards) -> None:
    """Thirty donations of ten people at once, some without enough grams."""
    await rewards.add_campaign()
    people = [rewards.citizen(5_000 if number < 8 else 999) for number in range(10)]
    answers = await asyncio.gather(*(rewards.donate(user, 1_000 + n) for n in range(3) for user in people))
    given = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(given) == 24
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"INSUFFICIENT_BALANCE"}
    shown = await campaign(rewards)
    assert shown["donated_mg"] == sum(donation["amount_mg"] for donation in given) == 8 * 3_003
    assert shown["donors"] == 8
    assert rewards.ledger.accounts[f"donated:{MARATHON}"] == shown["donated_mg"]
    assert len({donation["certificate"]["certificate_no"] for donation in given}) == 24


async def test_a_donation_is_published_without_a_name(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10_000)
    donation = (await rewards.donate(user, 5_000)).json()
    (row,) = await rewards.sql("SELECT records FROM rewards.outbox")
    ((key, value, headers),) = msgspec.msgpack.decode(row["records"])
    event_type = read_event("rewards.events.v1", key, value, headers).get_type()
    assert event_type == "cn.carboninclusion.donation.made.v1"
    event = msgspec.json.decode(value, type=RewardEvent)
    assert isinstance(event, DonationMade)
    assert (str(event.donation_id), event.amount_mg) == (donation["donation_id"], 5_000)
    assert event.certificate_no == donation["certificate"]["certificate_no"]
    assert str(user).encode() not in value


@pytest.mark.parametrize(("opens_in", "code"), [(-1, "INSUFFICIENT_BALANCE"), (2, "CAMPAIGN_CLOSED")])
async def test_a_refusal_names_the_path_that_was_called(rewards: Rewards, opens_in: int, code: str) -> None:
    """Refused by the ledger, or before."""
    await rewards.add_campaign(opens_in=timedelta(days=opens_in))
    answer = await rewards.donate(rewards.citizen(0), 5_000)
    assert (answer.json()["code"], answer.json()["instance"]) == (code, answer.request.url.path)


@pytest.mark.parametrize("opens_in", [timedelta(days=2), timedelta(days=-40)])
async def test_a_donation_outside_the_window_is_refused(rewards: Rewards, opens_in: timedelta) -> None:
    await rewards.add_campaign(opens_in=opens_in)
    user = rewards.citizen(10_000)
    answer = await rewards.donate(user, 5_000)
    assert (answer.status_code, answer.json()["code"]) == (409, "CAMPAIGN_CLOSED")
    assert (await campaign(rewards))["open"] is False
    assert rewards.balance_mg(user) == 10_000


async def test_amounts_out_of_range_are_refused(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(10**12)
    for amount_mg in (999, 100_000_001):
        answer = await rewards.donate(user, amount_mg)
        assert (answer.status_code, answer.json()["code"]) == (422, "AMOUNT_OUT_OF_RANGE")
        assert (answer.json()["min_mg"], answer.json()["max_mg"]) == (1_000, 100_000_000)
    for amount in (0, -1, 10**30):
        assert (await rewards.donate(user, amount)).json()["code"] == "INVALID_REQUEST"
    unknown = await rewards.donate(user, 5_000, campaign_id="no-such-campaign")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "CAMPAIGN_NOT_FOUND")
    assert not rewards.ledger.holds


async def test_one_idempotency_key_makes_one_donation_for_ever(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen(100_000)
    first = await rewards.donate(user, 5_000, key="a-donation-key")
    again = await rewards.donate(user, 5_000, key="a-donation-key")
    other = await rewards.donate(user, 6_000, key="a-donation-key")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    await rewards.sql("DELETE FROM rewards.idempotency_key")
    assert (await rewards.donate(user, 5_000, key="a-donation-key")).json() == first.json()
    assert rewards.balance_mg(user) == 95_000
    unnamed = await rewards.client.post(
        f"{API}/campaigns/{MARATHON}/donations", json={"amount_mg": 5_000}, headers=rewards.tokens.citizen(user)
    )
    assert unnamed.json()["code"] == "IDEMPOTENCY_KEY_MISSING"


@pytest.mark.parametrize(
    ("faults", "later_s", "end"),
    [
        ({"spend": RESPONSE_LOST}, 20, "confirmed"),
        ({"spend": RESPONSE_LOST}, 90, "confirmed"),
        ({"spend": REQUEST_LOST}, 20, "confirmed"),
        ({"spend": REQUEST_LOST}, 90, "cancelled"),
        ({"all": UNAVAILABLE}, 90, "cancelled"),
    ],
)
async def test_an_interrupted_donation_is_confirmed_or_cancelled(
    rewards: Rewards, faults: dict[str, str], later_s: int, end: str
) -> None:
    await rewards.add_campaign()
    user, key = rewards.citizen(10_000), str(uuid.uuid4())
    rewards.network.faults = faults
    placed = await rewards.donate(user, 5_000, key=key)
    assert (placed.status_code, placed.json()["certificate"]) == (202, None)
    rewards.network.faults = {}
    await rewards.work(later_s)
    donation = (await rewards.get(f"/donations/{placed.json()['donation_id']}", user)).json()
    given = end == "confirmed"
    assert donation["status"] == end
    assert (donation["certificate"] is not None) is given
    assert rewards.balance_mg(user) == (5_000 if given else 10_000)
    shown = await campaign(rewards)
    assert (shown["donated_mg"], shown["donors"]) == ((5_000, 1) if given else (0, 0))
    final = await rewards.donate(user, 5_000, key=key)
    assert final.status_code == (201 if given else 409)
    assert final.headers["idempotent-replayed"] == "true"


async def test_campaigns_are_listed_in_both_languages(rewards: Rewards) -> None:
    await rewards.add_campaign()
    await rewards.add_campaign("green-lake")
    first = (await rewards.get("/campaigns", limit=1)).json()
    second = (await rewards.get("/campaigns", limit=1, cursor=first["next_cursor"])).json()
    assert [page["items"][0]["campaign_id"] for page in (first, second)] == ["green-lake", MARATHON]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert second["items"][0]["display"] == "0 克 / 30.00 吨"
    english = await rewards.client.get(f"{API}/campaigns/{MARATHON}", headers={"Accept-Language": "en"})
    assert english.json()["title"] == "Zero-carbon marathon"
    assert (await rewards.get("/campaigns/no-such")).json()["code"] == "CAMPAIGN_NOT_FOUND"
