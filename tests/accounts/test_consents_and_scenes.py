from datetime import datetime, timedelta

import httpx
import pytest

from services.accounts.consents.service import CHANGES_QUOTA
from shared import clock
from shared.instants import stamp
from tests.accounts.conftest import BASE, Db, PartnerClient, People, Person, code_of, published
from tests.accounts.fakes import METRO_PEPPER, OAUTH_SECRET, FakeIngest
from tests.tokens import TokenFactory

SCENES = ["bus", "metro", "ev_ride", "bike", "own_bag", "recycling", "power_saving"]


async def give(person: Person, purpose: str = "data_processing", version: str = "2026-11") -> httpx.Response:
    return await person.call("POST", "/me/consents", json={"purpose": purpose, "policy_version": version})


async def withdraw(person: Person, purpose: str = "data_processing") -> httpx.Response:
    return await person.call("DELETE", "/me/consents", params={"purpose": purpose})


async def test_consents_are_given_superseded_and_withdrawn(people: People) -> None:
    anna = await people.new(with_account=False)
    first = await give(anna, "messages", "2026-01")
    same = await give(anna, "messages", "2026-01")
    assert first.status_code == 201
    assert same.json() == first.json()
    await give(anna, "messages", "2026-11")
    assert (await withdraw(anna, "messages")).status_code == 204
    assert (await withdraw(anna, "messages")).status_code == 204
    items = (await anna.call("GET", "/me/consents")).json()["items"]
    states = [(item["policy_version"], bool(item["withdrawn_at"]), bool(item["superseded_at"])) for item in items]
    assert states == [("2026-11", True, False), ("2026-01", False, True)]


@pytest.mark.parametrize(
    "body", [{}, {"purpose": "everything", "policy_version": "v1"}, {"purpose": "messages", "policy_version": "v 1"}]
)
async def test_a_malformed_consent_request_is_refused(people: People, body: dict[str, str]) -> None:
    anna = await people.new(with_account=False)
    assert code_of(await anna.call("POST", "/me/consents", json=body)) == (422, "INVALID_REQUEST")
    assert code_of(await anna.call("DELETE", "/me/consents")) == (422, "INVALID_REQUEST")


async def test_withdrawal_stops_counting_from_that_moment(people: People, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    await anna.bind("didi")
    await anna.bind("metro", "account_no")
    await bert.bind("didi")
    assert (await withdraw(anna)).status_code == 204
    changes = (await published(db))[3:]
    withdrawn_at = {change.consent_withdrawn_at for change in changes}
    assert len(changes) == 2
    assert len(withdrawn_at) == 1
    assert {(change.user_id, change.version, change.status) for change in changes} == {(anna.user_id, 2, "active")}
    items = (await anna.call("GET", "/me/consents")).json()["items"]
    [record] = [item for item in items if item["purpose"] == "data_processing"]
    assert record["withdrawn_at"] in {stamp(at) for at in withdrawn_at if at is not None}
    assert code_of(await anna.bind_hello("x")) == (409, "CONSENT_REQUIRED")
    assert code_of(await anna.call("POST", "/me/bindings/token")) == (409, "CONSENT_REQUIRED")
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is False


async def test_consents_of_other_purposes_do_not_change_bindings(people: People, db: Db) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await give(anna, "rankings")
    await withdraw(anna, "rankings")
    assert len(await published(db)) == 1


@pytest.mark.parametrize("through", ["consents", "carbon-account"])
async def test_consent_given_again_counts_from_now_and_leaves_the_gap_out(people: People, db: Db, through: str) -> None:
    anna = await people.new()
    original = (await anna.bind("didi")).json()["binding_id"]
    await withdraw(anna)
    if through == "consents":
        assert (await give(anna)).status_code == 201
    else:
        await anna.open_account()
    _bound, suspended, ended, successor = await published(db)
    assert (str(ended.binding_id), ended.version, ended.status) == (original, 3, "ended")
    assert ended.ended_at == suspended.consent_withdrawn_at
    assert (successor.version, successor.status, successor.account_key) == (1, "active", ended.account_key)
    assert successor.binding_id != ended.binding_id
    assert ended.ended_at is not None
    assert successor.counts_from > ended.ended_at
    assert successor.consent_withdrawn_at is None
    states = [item["status"] for item in (await anna.call("GET", "/me/bindings")).json()["items"]]
    assert states == ["active", "ended"]


async def test_a_later_binding_cannot_count_the_time_without_consent(people: People) -> None:
    anna = await people.new()
    await withdraw(anna)
    await give(anna)
    regiven = (await anna.call("GET", "/me/consents")).json()["items"][0]["given_at"]
    refused = await anna.bind("didi", counts_from=(clock.now() - timedelta(hours=1)).isoformat())
    assert code_of(refused) == (422, "COUNTS_FROM_OUT_OF_RANGE")
    assert datetime.fromisoformat(refused.json()["earliest"]) == datetime.fromisoformat(regiven)


async def test_giving_consent_is_limited_and_withdrawal_is_not(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await people.new(with_account=False)
    for n in range(CHANGES_QUOTA.at_most):
        assert (await give(anna, "messages", ("2026-01", "2026-11")[n % 2])).status_code == 201
    assert code_of(await give(anna, "messages", "2026-01")) == (429, "QUOTA_EXCEEDED")
    assert (await withdraw(anna, "messages")).status_code == 204
    items = (await anna.call("GET", "/me/consents")).json()["items"]
    assert all(item["withdrawn_at"] or item["superseded_at"] for item in items)


async def test_scenes_need_no_token(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{BASE}/scenes")
    assert answer.status_code == 200
    document = answer.json()
    assert document["partners_known"] is True
    assert [item["scene"] for item in document["items"]] == SCENES
    by_scene = {item["scene"]: [p["partner_id"] for p in item["partners"]] for item in document["items"]}
    assert by_scene["bus"] == ["citybus", "metro"]
    assert by_scene["bike"] == ["hello"]  # without the sandbox partner
    assert by_scene["power_saving"] == ["meter"]
    assert by_scene["own_bag"] == []
    for item in document["items"]:
        assert item["title"]
        assert item["title_en"]
        assert item["how_to_earn"]
        assert item["how_to_earn_en"]
    assert METRO_PEPPER not in answer.text
    assert OAUTH_SECRET not in answer.text
    modes = {p["partner_id"]: p["binding_modes"] for item in document["items"] for p in item["partners"]}
    assert modes == {
        "citybus": [],
        "metro": ["account_no", "phone_hash"],
        "didi": ["account_no", "token"],
        "hello": ["oauth"],
        "huishou": ["token"],
        "meter": ["account_no"],
    }


async def test_scenes_show_a_citizens_own_bindings(
    client: httpx.AsyncClient, people: People, partners: PartnerClient, tokens: TokenFactory
) -> None:
    anna = await people.new()
    bound = (await anna.bind("didi")).json()

    def mine(answer: httpx.Response) -> dict[str, object]:
        return {
            p["partner_id"]: p["my_binding"]
            for item in answer.json()["items"]
            for p in item["partners"]
            if p["my_binding"]
        }

    seen = mine(await anna.call("GET", "/scenes"))
    assert set(seen) == {"didi"}
    assert seen["didi"] == {
        key: bound[key] for key in ("binding_id", "status", "since", "counts_from", "consent_withdrawn_at")
    }
    assert mine(await client.get(f"{BASE}/scenes")) == {}
    assert mine(await client.get(f"{BASE}/scenes", headers=tokens.operator())) == {}
    expired = {"Authorization": f"Bearer {tokens.access(anna.user_id, exp=clock.now() - timedelta(minutes=1))}"}
    assert code_of(await client.get(f"{BASE}/scenes", headers=expired)) == (401, "UNAUTHENTICATED")


async def test_scenes_are_listed_without_partners_while_ingest_is_down(
    client: httpx.AsyncClient, ingest: FakeIngest
) -> None:
    ingest.down = True
    document = (await client.get(f"{BASE}/scenes")).json()
    assert document["partners_known"] is False
    assert [item["scene"] for item in document["items"]] == SCENES
    assert all(item["partners"] == [] for item in document["items"])
