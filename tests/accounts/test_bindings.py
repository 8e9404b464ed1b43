import asyncio
import hashlib
import hmac
import uuid
from datetime import datetime, timedelta

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from services.accounts.bindings import service as bindings
from shared import clock
from shared.contracts.identity import account_key, person_account_id
from shared.instants import stamp
from tests.accounts.conftest import REF_PEPPER, Db, People, code_of, published
from tests.accounts.fakes import METRO_PEPPER, PARTNERS, FakeIngest, Hello, Trick, answering, partner


async def test_a_binding_by_account_number_is_active_and_published(people: People, db: Db) -> None:
    anna = await people.new()
    answer = await anna.bind("didi")
    assert answer.status_code == 201
    document = answer.json()
    assert set(document) == {
        "binding_id",
        "partner_id",
        "mode",
        "status",
        "since",
        "counts_from",
        "ended_at",
        "consent_withdrawn_at",
        "confirm_before",
        "ended_reason",
    }
    assert (document["partner_id"], document["mode"], document["status"]) == ("didi", "account_no", "active")
    assert document["since"] == document["counts_from"]
    [change] = await published(db)
    assert str(change.binding_id) == document["binding_id"]
    assert change.account_key == account_key(REF_PEPPER, "didi", "account_no", anna.account["account_no"])
    assert (change.version, change.status, change.partner_id) == (1, "active", "didi")
    assert (change.user_id, change.account_id) == (anna.user_id, person_account_id(anna.user_id))
    assert stamp(change.counts_from) == document["counts_from"]
    assert change.ended_at is None
    assert change.consent_withdrawn_at is None


_BINDING_RECORDS = "SELECT records FROM accounts.outbox WHERE topic = 'accounts.bindings.v1'"


async def test_binding_records_carry_cloudevents_headers(people: People, db: Db) -> None:
    anna = await people.new()
    binding_id = (await anna.bind("didi")).json()["binding_id"]
    [[_key, _value, headers]] = msgspec.msgpack.decode(await db.fetchval(_BINDING_RECORDS))
    attributes = {name: value.decode() for name, value in headers}
    assert attributes.pop("ce_time")
    assert attributes == {
        "ce_specversion": "1.0",
        "ce_id": f"{binding_id}:1",
        "ce_source": "/accounts",
        "ce_type": "cn.carboninclusion.binding.changed.v1",
        "content-type": "application/json",
    }


async def test_binding_again_returns_the_same_binding(people: People, db: Db) -> None:
    anna = await people.new()
    first, again = await anna.bind("didi"), await anna.bind("didi")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(await published(db)) == 1


async def test_a_phone_hash_binding_uses_the_partners_own_pepper(people: People, db: Db) -> None:
    anna = await people.new()
    assert code_of(await anna.bind("metro", "phone_hash")) == (409, "PHONE_REQUIRED")
    await anna.call("PUT", "/me/phone", json={"code": "dev-phone:13812345678"})
    assert (await anna.bind("metro", "phone_hash")).status_code == 201
    reference = hmac.new(METRO_PEPPER.encode(), b"+8613812345678", hashlib.sha256).hexdigest()
    assert (await published(db))[0].account_key == account_key(REF_PEPPER, "metro", "phone_hash", reference)


@pytest.mark.parametrize(
    ("partner_id", "mode", "supported"),
    [
        ("didi", "phone_hash", ["account_no", "token"]),
        ("citybus", "phone_hash", []),
        ("didi", "oauth", ["account_no", "token"]),
        ("huishou", "account_no", ["token"]),
        ("hello", "token", ["oauth"]),
    ],
)
async def test_an_unsupported_mode_is_refused_with_the_supported_ones(
    people: People, partner_id: str, mode: str, supported: list[str]
) -> None:
    anna = await people.new()
    more = {"code": "x", "state": "x"} if mode == "oauth" else {}
    refused = await anna.bind(partner_id, mode, **more)
    assert code_of(refused) == (409, "BINDING_MODE_UNAVAILABLE")
    assert refused.json()["supported_modes"] == supported


async def test_a_citizen_cannot_bind_by_token_without_the_partner(people: People) -> None:
    anna = await people.new()
    assert code_of(await anna.bind("didi", "token")) == (422, "BINDING_NEEDS_TOKEN")


async def test_an_oauth_binding_uses_the_open_id_from_the_partner(people: People, hello: Hello, db: Db) -> None:
    anna = await people.new()
    assert (await anna.bind_hello("rider-7")).status_code == 201
    assert (await published(db))[0].account_key == account_key(
        REF_PEPPER, "hello", "open_id", hello.partner.open_id("rider-7")
    )


@pytest.mark.parametrize(
    ("trick", "expected"),
    [
        (answering({"error": "invalid_grant"}, 400), (422, "PARTNER_CODE_INVALID")),
        (answering({}, 502), (503, "PARTNER_UNAVAILABLE")),
        (answering({"open_id": ["not", "text"]}), (503, "PARTNER_UNAVAILABLE")),
        (answering({"open_id": "with space"}), (503, "PARTNER_UNAVAILABLE")),
    ],
)
async def test_a_failed_code_exchange_is_a_422_or_503(
    people: People, hello: Hello, trick: Trick, expected: tuple[int, str]
) -> None:
    anna = await people.new()
    hello.trick = trick
    assert code_of(await anna.bind_hello()) == expected


async def test_concurrent_bindings_of_one_partner_account_bind_one_person(people: People, db: Db) -> None:
    pair = [await people.new(), await people.new()]
    answers = await asyncio.gather(*[person.bind_hello("rider-7") for person in pair])
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert code_of(max(answers, key=lambda answer: answer.status_code)) == (409, "PARTNER_ACCOUNT_TAKEN")
    assert len(await published(db)) == 1


async def test_concurrent_bindings_of_one_person_create_one(people: People, db: Db) -> None:
    anna = await people.new()
    answers = await asyncio.gather(*[anna.bind("didi") for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len(await published(db)) == 1


async def test_another_partner_account_is_refused_until_the_first_binding_ends(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    first = await anna.bind_hello("rider-7")
    assert code_of(await anna.bind_hello("rider-8")) == (409, "BINDING_ALREADY_EXISTS")
    assert code_of(await bert.bind_hello("rider-7")) == (409, "PARTNER_ACCOUNT_TAKEN")
    await anna.step_up()
    await anna.call("DELETE", f"/me/bindings/{first.json()['binding_id']}")
    assert (await anna.bind_hello("rider-8")).status_code == 201
    assert (await bert.bind_hello("rider-7")).status_code == 201


async def test_an_ended_binding_is_published_once_and_stays_listed(people: People, db: Db) -> None:
    anna = await people.new()
    binding_id = (await anna.bind("didi")).json()["binding_id"]
    await anna.step_up()
    for _ in range(2):
        assert (await anna.call("DELETE", f"/me/bindings/{binding_id}")).status_code == 204
    first, last = await published(db)
    assert (first.version, last.version, last.status) == (1, 2, "ended")
    assert last.ended_at is not None
    assert last.ended_at >= first.counts_from
    [item] = (await anna.call("GET", "/me/bindings")).json()["items"]
    assert item["status"] == "ended"
    assert item["ended_at"] == stamp(last.ended_at)


async def test_other_people_cannot_end_or_see_a_binding(people: People, db: Db) -> None:
    anna, bert = await people.new(), await people.new()
    binding_id = (await anna.bind("didi")).json()["binding_id"]
    await bert.step_up()
    assert code_of(await bert.call("DELETE", f"/me/bindings/{binding_id}")) == (404, "BINDING_NOT_FOUND")
    assert code_of(await bert.call("DELETE", f"/me/bindings/{uuid.uuid4()}")) == (404, "BINDING_NOT_FOUND")
    assert code_of(await bert.call("DELETE", "/me/bindings/not-an-id")) == (422, "INVALID_REQUEST")
    assert (await bert.call("GET", "/me/bindings")).json()["items"] == []
    assert [change.status for change in await published(db)] == ["active"]


async def test_counts_from_lies_within_the_late_window_and_not_in_the_future(people: People) -> None:
    anna = await people.new()
    now = clock.now()
    window = timedelta(days=7)
    for wrong in (now + timedelta(minutes=1), now - window - timedelta(minutes=1)):
        refused = await anna.bind("didi", counts_from=wrong.isoformat())
        assert code_of(refused) == (422, "COUNTS_FROM_OUT_OF_RANGE")
        document = refused.json()
        assert datetime.fromisoformat(document["latest"]) - datetime.fromisoformat(document["earliest"]) == window
    assert code_of(await anna.bind("didi", counts_from="2026-11-20T08:00:00")) == (422, "INVALID_REQUEST")
    wanted = now - window + timedelta(minutes=1)
    answer = await anna.bind("didi", counts_from=wanted.isoformat())
    assert answer.status_code == 201
    assert answer.json()["counts_from"] == stamp(wanted)


async def test_counts_from_never_precedes_the_end_of_another_persons_binding(people: People) -> None:
    anna, bert = await people.new(), await people.new()
    yesterday = (clock.now() - timedelta(days=1)).isoformat()
    first = await anna.bind_hello("rider-7")
    await anna.step_up()
    await anna.call("DELETE", f"/me/bindings/{first.json()['binding_id']}")
    ended_at = (await anna.call("GET", "/me/bindings")).json()["items"][0]["ended_at"]
    refused = await bert.bind_hello("rider-7", counts_from=yesterday)
    assert code_of(refused) == (422, "COUNTS_FROM_OUT_OF_RANGE")
    assert datetime.fromisoformat(refused.json()["earliest"]) == datetime.fromisoformat(ended_at)
    assert (await bert.bind_hello("rider-7", counts_from=ended_at)).status_code == 201


async def test_binding_requires_an_account_and_a_live_partner(people: People, ingest: FakeIngest) -> None:
    stranger = await people.new(with_account=False)
    assert code_of(await stranger.bind("didi")) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    assert code_of(await stranger.call("POST", "/me/bindings/token")) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    anna = await people.new()
    assert code_of(await anna.bind("nobody")) == (404, "PARTNER_NOT_FOUND")
    assert code_of(await anna.bind("trial")) == (404, "PARTNER_NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"partner_id": "didi"},
        {"partner_id": "didi", "mode": "telepathy"},
        {"partner_id": "x" * 65, "mode": "account_no"},
        {"partner_id": "di di", "mode": "account_no"},
        {"partner_id": "didi", "mode": "account_no", "user_id": str(uuid.uuid4())},
        {"partner_id": "didi", "mode": "account_no", "status": "active"},
        {"partner_id": "hello", "mode": "oauth"},
        {"partner_id": "hello", "mode": "oauth", "code": "c"},
        {"partner_id": "hello", "mode": "oauth", "code": "c" * 513, "state": "s"},
        {"partner_id": "hello", "mode": "oauth", "code": "c", "state": "s" * 129},
    ],
)
async def test_a_malformed_binding_request_is_refused(people: People, body: dict[str, object]) -> None:
    anna = await people.new()
    assert code_of(await anna.call("POST", "/me/bindings", json=body)) == (422, "INVALID_REQUEST")


async def test_the_number_of_live_bindings_per_person_is_limited(
    people: People, ingest: FakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bindings, "LIVE_BINDINGS_MAX", 2)
    ingest.partners = [partner(f"p{n}", ["bus"], ["account_no"]) for n in range(3)]
    anna = await people.new()
    assert [(await anna.bind(f"p{n}")).status_code for n in range(2)] == [201, 201]
    assert code_of(await anna.bind("p2")) == (409, "BINDING_LIMIT_REACHED")


async def test_bindings_are_listed_in_pages_newest_first_and_filtered(people: People, ingest: FakeIngest) -> None:
    ingest.partners = [partner(f"p{n}", ["bus"], ["account_no"]) for n in range(5)]
    anna = await people.new()
    created = [(await anna.bind(f"p{n}")).json()["binding_id"] for n in range(5)]
    await anna.step_up()
    await anna.call("DELETE", f"/me/bindings/{created[1]}")
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await anna.call("GET", "/me/bindings", params=params)).json()
        seen += [item["binding_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
    assert seen == created[::-1]
    ended = (await anna.call("GET", "/me/bindings", params={"status": "ended"})).json()["items"]
    assert [item["binding_id"] for item in ended] == [created[1]]
    assert (await anna.call("GET", "/me/bindings", params={"cursor": "x"})).status_code == 422
    assert (await anna.call("GET", "/me/bindings", params={"limit": "101"})).status_code == 422


async def test_the_partner_list_is_cached_while_ingest_is_down(
    people: People, ingest: FakeIngest, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await people.new()
    ingest.down = True
    assert code_of(await anna.bind("didi")) == (503, "PARTNERS_UNAVAILABLE")
    monkeypatch.setattr("services.accounts.partners.directory._RETRY_S", 0)
    monkeypatch.setattr("services.accounts.partners.directory.TTL_S", 0)
    ingest.down = False
    app.state.resources.partners._refresh_at = 0.0
    assert (await anna.bind("didi")).status_code == 201
    ingest.down = True
    assert (await anna.bind("metro", "account_no")).status_code == 201


async def test_concurrent_callers_fetch_the_partner_list_once(client: httpx.AsyncClient, ingest: FakeIngest) -> None:
    answers = await asyncio.gather(*[client.get("/api/v1/accounts/scenes") for _ in range(8)])
    assert {answer.status_code for answer in answers} == {200}
    assert ingest.partner_calls == 1


async def test_one_malformed_partner_does_not_hide_the_others(people: People, ingest: FakeIngest) -> None:
    ingest.partners = [{"partner_id": "broken"}, "text", *PARTNERS]
    anna = await people.new()
    assert (await anna.bind("didi")).status_code == 201
    assert code_of(await anna.bind("broken")) == (404, "PARTNER_NOT_FOUND")


@pytest.mark.parametrize("partners", ["text", None, [{}] * 2001])
async def test_a_malformed_partner_list_is_a_503(people: People, ingest: FakeIngest, partners: object) -> None:
    ingest.partners = partners
    anna = await people.new()
    assert code_of(await anna.bind("didi")) == (503, "PARTNERS_UNAVAILABLE")
