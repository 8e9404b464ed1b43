"""Households: one per person, one meter each, joined by invitation, published without names."""

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import msgspec
import pytest

from services.accounts import worker
from services.accounts.carbon_accounts import domain as numbers
from services.accounts.households.domain import MOVE_WAIT, earliest_move
from services.accounts.households.service import INVITATION_LIFE, INVITATIONS_QUOTA, MEMBERS_MAX
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.households_v1 import HouseholdFact, MembershipChanged, MeterChanged, key_of
from shared.contracts.identity import household_account_id, meter_key, person_account_id
from shared.db import Database
from tests.accounts.conftest import BASE, REF_PEPPER, Db, People, Person, code_of
from tests.cloud_events import read_event
from tests.tokens import TokenFactory

METER = "4201004812345"


async def open_household(person: Person, **body: Any) -> dict[str, Any]:
    answer = await person.call("POST", "/households", json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def invite(person: Person, household_id: str) -> str:
    answer = await person.call("POST", f"/households/{household_id}/invitations")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def join(person: Person, token: str) -> httpx.Response:
    return await person.call("POST", "/households/join", json={"token": token})


async def leave(person: Person, household_id: str) -> httpx.Response:
    return await person.call("DELETE", f"/households/{household_id}/members/me")


async def facts(db: Db) -> list[HouseholdFact]:
    """Read the household records in the outbox, in order, and check their keys."""
    found: list[HouseholdFact] = []
    rows = await db.fetch("SELECT records FROM accounts.outbox WHERE topic = 'accounts.households.v1' ORDER BY id")
    for row in rows:
        for key, value, headers in msgspec.msgpack.decode(row["records"]):
            read_event("accounts.households.v1", key, value, headers)
            fact: HouseholdFact = msgspec.json.decode(value, type=HouseholdFact)
            assert key == str(key_of(fact)).encode()
            found.append(fact)
    return found


async def test_a_household_is_opened_joined_left_and_closed(people: People, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    home = await open_household(anna, meter_ref=METER)
    household_id = uuid.UUID(home["household_id"])
    assert uuid.UUID(home["account_id"]) == household_account_id(household_id)
    assert numbers.is_account_no(home["account_no"])
    assert home["members"] == 1
    assert home["meter_since"] is not None
    shown = await anna.call("POST", f"/households/{household_id}/invitations")
    life = datetime.fromisoformat(shown.json()["expires_at"]) - clock.now()
    assert timedelta(0) < INVITATION_LIFE - life < timedelta(seconds=10)
    assert shown.headers["cache-control"] == "no-store"
    assert len(shown.json()["token"]) <= 32  # the limit of a mini-program's scene
    assert ET.fromstring(shown.json()["qr_svg"]).tag == "{http://www.w3.org/2000/svg}svg"
    joined = await join(bert, shown.json()["token"])
    assert joined.status_code == 201
    shown_home = (await anna.call("GET", "/me")).json()["household"]
    assert [(one["nickname"], one["me"], one["owner"]) for one in shown_home.pop("people")] == [
        (None, True, True),
        (None, False, False),
    ]
    assert shown_home == {name: value for name, value in home.items() if name != "people"} | {"members": 2}
    assert (await bert.call("GET", "/me")).json()["household"] == joined.json()
    for person in (anna, bert):
        assert (await leave(person, str(household_id))).status_code == 204
        assert (await person.call("GET", "/me")).json()["household"] is None
    published_facts = await facts(db)
    memberships = [fact for fact in published_facts if isinstance(fact, MembershipChanged)]
    meters = [fact for fact in published_facts if isinstance(fact, MeterChanged)]
    assert [(m.account_id, m.version, m.left_at is None) for m in memberships] == [
        (person_account_id(anna.user_id), 1, True),
        (person_account_id(bert.user_id), 1, True),
        (person_account_id(anna.user_id), 2, False),
        (person_account_id(bert.user_id), 2, False),
    ]
    assert {fact.household_id for fact in memberships} | {fact.household_id for fact in meters} == {household_id}
    assert [(meter.meter_key, meter.version, meter.ended_at is None) for meter in meters] == [
        (meter_key(REF_PEPPER, METER), 1, True),
        (meter_key(REF_PEPPER, METER), 2, False),  # freed by the last member who left
    ]
    assert await db.fetchval("SELECT closed_at FROM accounts.household") is not None
    assert await db.fetchval("SELECT count(*) FROM accounts.household_member") == 2  # ended memberships are kept


async def test_repeated_household_requests_change_nothing(people: People, db: Db) -> None:
    anna, bert, carl = [await people.new() for _ in range(3)]
    home = await open_household(anna, meter_ref=METER)
    again = await anna.call("POST", "/households", json={"meter_ref": METER})
    assert (again.status_code, again.json()) == (200, home)
    meter = await anna.call("PUT", f"/households/{home['household_id']}/meter", json={"meter_ref": METER})
    assert meter.json() == home
    token = await invite(anna, home["household_id"])
    first, repeated = await join(bert, token), await join(bert, token)
    assert (first.status_code, repeated.status_code) == (201, 200)
    assert first.json() == repeated.json()
    assert code_of(await join(carl, token)) == (404, "INVITATION_INVALID")
    assert len(await facts(db)) == 3


async def test_one_household_per_person_and_one_meter_per_household(people: People) -> None:
    anna, bert, carl = [await people.new() for _ in range(3)]
    home = await open_household(anna, meter_ref=METER)
    other = await open_household(bert)
    token = await invite(anna, home["household_id"])
    assert code_of(await join(bert, token)) == (409, "ALREADY_IN_HOUSEHOLD")
    assert (await join(carl, token)).status_code == 201
    assert code_of(await carl.call("POST", "/households", json={})) == (409, "ALREADY_IN_HOUSEHOLD")
    taken = await bert.call("PUT", f"/households/{other['household_id']}/meter", json={"meter_ref": METER})
    assert code_of(taken) == (409, "METER_TAKEN")
    assert (await bert.call("GET", "/me")).json()["household"]["meter_since"] is None
    moved = await anna.call("PUT", f"/households/{home['household_id']}/meter", json={"meter_ref": "another"})
    assert moved.status_code == 200
    freed = await bert.call("PUT", f"/households/{other['household_id']}/meter", json={"meter_ref": METER})
    assert freed.status_code == 200


async def test_concurrent_requests_give_a_meter_to_one_household_and_a_code_to_one_person(
    people: People, db: Db
) -> None:
    crowd = [await people.new() for _ in range(4)]
    answers = await asyncio.gather(*(p.call("POST", "/households", json={"meter_ref": METER}) for p in crowd))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    [home] = [answer.json() for answer in answers if answer.status_code == 201]
    assert await db.fetchval("SELECT count(*) FROM accounts.household") == 1  # a refused request stores nothing
    owner = crowd[[answer.status_code for answer in answers].index(201)]
    token = await invite(owner, home["household_id"])
    outside = [person for person in crowd if person is not owner]
    answers = await asyncio.gather(*(join(person, token) for person in outside))
    assert sorted(answer.status_code for answer in answers) == [201, 404, 404]


async def test_a_household_has_a_limited_number_of_members(people: People) -> None:
    anna = await people.new()
    home = await open_household(anna)
    others = [await people.new() for _ in range(MEMBERS_MAX + 1)]
    tokens = [await invite(anna, home["household_id"]) for _ in others]
    answers = await asyncio.gather(*(join(person, token) for person, token in zip(others, tokens, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [201] * (MEMBERS_MAX - 1) + [409, 409]
    refused = await anna.call("POST", f"/households/{home['household_id']}/invitations")
    assert code_of(refused) == (409, "HOUSEHOLD_FULL")


async def test_a_person_waits_between_two_households_but_may_return_at_once(people: People, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    home, other = await open_household(anna), await open_household(bert)
    carl = await people.new()
    assert (await join(carl, await invite(anna, home["household_id"]))).status_code == 201
    await leave(carl, home["household_id"])
    elsewhere = await invite(bert, other["household_id"])
    refused = await join(carl, elsewhere)
    assert code_of(refused) == (409, "HOUSEHOLD_MOVE_TOO_SOON")
    wait = datetime.fromisoformat(refused.json()["earliest"]) - clock.now()
    assert timedelta(seconds=-1) < MOVE_WAIT - wait < timedelta(seconds=10)  # rounded up to a second
    assert code_of(await carl.call("POST", "/households", json={})) == (409, "HOUSEHOLD_MOVE_TOO_SOON")
    assert (await join(carl, await invite(anna, home["household_id"]))).status_code == 201
    await leave(carl, home["household_id"])
    await db.execute(
        "UPDATE accounts.household_member SET joined_at = joined_at - $1::interval, left_at = left_at - $1::interval"
        " WHERE left_at IS NOT NULL",
        MOVE_WAIT,
    )
    assert (await join(carl, elsewhere)).status_code == 201


@pytest.mark.parametrize(
    ("days_ago", "is_return", "is_free"), [(0, False, False), (29, False, False), (30, False, True), (0, True, True)]
)
def test_the_wait_ends_after_thirty_days_and_does_not_apply_to_a_return(
    days_ago: int, *, is_return: bool, is_free: bool
) -> None:
    now, former = clock.now(), uuid.uuid4()
    wanted = former if is_return else uuid.uuid4()
    assert (earliest_move((former, now - timedelta(days=days_ago)), wanted, now) is None) is is_free
    assert earliest_move(None, wanted, now) is None


async def test_an_invitation_is_invalid_when_expired_or_when_the_inviter_has_left(people: People, db: Db) -> None:
    anna, bert, carl = [await people.new() for _ in range(3)]
    home = await open_household(anna)
    late = await invite(anna, home["household_id"])
    await db.execute("UPDATE accounts.household_invitation SET expires_at = $1", clock.now() - timedelta(seconds=1))
    assert code_of(await join(carl, late)) == (404, "INVITATION_INVALID")
    await join(bert, await invite(anna, home["household_id"]))
    left = await invite(bert, home["household_id"])
    await leave(bert, home["household_id"])
    assert code_of(await join(carl, left)) == (404, "INVITATION_INVALID")
    assert code_of(await join(carl, "chi_unknown")) == (404, "INVITATION_INVALID")


async def test_people_outside_a_household_cannot_change_it(people: People) -> None:
    anna, eve = await people.new(), await people.new()
    home = (await open_household(anna))["household_id"]
    answers = [
        await eve.call("POST", f"/households/{home}/invitations"),
        await eve.call("PUT", f"/households/{home}/meter", json={"meter_ref": METER}),
        await leave(eve, home),
        await leave(eve, str(uuid.uuid4())),
    ]
    assert [code_of(answer) for answer in answers] == [(404, "HOUSEHOLD_NOT_FOUND")] * 4


async def test_a_household_requires_account_and_consent_and_valid_texts(people: People) -> None:
    new = await people.new(with_account=False)
    assert code_of(await new.call("POST", "/households", json={})) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    assert code_of(await join(new, "chi_x")) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    anna = await people.new()
    await anna.call("DELETE", "/me/consents?purpose=data_processing")
    assert code_of(await anna.call("POST", "/households", json={})) == (409, "CONSENT_REQUIRED")
    bert = await people.new()
    for meter in ("", "x" * 65, "with space", "电表"):
        answer = await bert.call("POST", "/households", json={"meter_ref": meter})
        assert code_of(answer) == (422, "INVALID_REQUEST")
    assert code_of(await join(bert, "x" * 65)) == (422, "INVALID_REQUEST")


async def test_invitations_are_limited_and_purged_when_expired(people: People, settings: Settings, db: Db) -> None:
    anna = await people.new()
    home = (await open_household(anna))["household_id"]
    for _ in range(INVITATIONS_QUOTA.at_most):
        await invite(anna, home)
    assert code_of(await anna.call("POST", f"/households/{home}/invitations")) == (429, "QUOTA_EXCEEDED")
    await db.execute(
        "UPDATE accounts.household_invitation SET expires_at = $1 WHERE token_sha256 IN"
        " (SELECT token_sha256 FROM accounts.household_invitation LIMIT 5)",
        clock.now() - timedelta(days=2),
    )
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await worker.purge(session)
    await database.stop()
    assert await db.fetchval("SELECT count(*) FROM accounts.household_invitation") == INVITATIONS_QUOTA.at_most - 5


async def test_an_operator_finds_a_household_by_its_account_number(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db
) -> None:
    anna = await people.new()
    home = await open_household(anna)
    seen = await client.get(f"{BASE}/ops/accounts/{home['account_no']}?reason=complaint", headers=tokens.operator())
    assert seen.status_code == 200, seen.text
    assert (seen.json()["kind"], seen.json()["members"], seen.json()["bound_partner_ids"]) == ("household", 1, [])
    assert await db.fetchval("SELECT account_id FROM accounts.operator_action") == uuid.UUID(home["account_id"])


async def test_the_contract_refuses_malformed_household_facts() -> None:
    good = MembershipChanged(
        membership_id=uuid.uuid4(),
        version=1,
        household_id=uuid.uuid4(),
        account_id=uuid.uuid4(),
        joined_at=clock.now(),
        changed_at=clock.now(),
    )
    plain = msgspec.to_builtins(good)
    assert msgspec.convert(plain, HouseholdFact) == good
    for change in (
        {"version": 0},
        {"version": 10**6 + 1},
        {"joined_at": "2026-11-24T08:00:00"},
        {"joined_at": "1999-11-24T08:00:00Z"},
        {"left_at": "2026-01-01T00:00:00Z"},
        {"fact": "pet"},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(plain | change, HouseholdFact)
