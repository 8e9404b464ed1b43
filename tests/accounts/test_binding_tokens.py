import asyncio
import uuid
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import httpx
import pytest

from services.accounts.bindings.tokens import TOKENS_QUOTA
from shared import clock
from shared.auth import cp1
from shared.contracts.identity import account_key
from tests.accounts.conftest import BASE, REF_PEPPER, Db, PartnerClient, People, code_of, published
from tests.accounts.fakes import KEYS, FakeIngest


async def test_a_confirmed_token_creates_a_binding(people: People, partners: PartnerClient, db: Db) -> None:
    anna = await people.new()
    before = clock.now()
    shown = await anna.call("POST", "/me/bindings/token", json={"partner_id": "didi"})
    assert shown.status_code == 201
    document = shown.json()
    assert set(document) == {"token", "expires_at", "qr_svg"}
    assert len(document["token"]) <= 32  # the limit of a mini-program's scene
    life = datetime.fromisoformat(document["expires_at"]) - before
    assert timedelta(seconds=118) < life < timedelta(seconds=125)
    assert ET.fromstring(document["qr_svg"]).tag == "{http://www.w3.org/2000/svg}svg"
    answer = await partners.confirm(document["token"], "member-1")
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"binding_id", "status", "since", "counts_from"}
    [change] = await published(db)
    assert change.account_key == account_key(REF_PEPPER, "didi", "open_id", "member-1")
    assert change.user_id == anna.user_id
    [item] = (await anna.call("GET", "/me/bindings")).json()["items"]
    assert (item["binding_id"], item["mode"], item["status"]) == (answer.json()["binding_id"], "token", "active")


async def test_a_repeated_confirmation_returns_the_same_binding_and_others_are_refused(
    people: People, partners: PartnerClient
) -> None:
    anna = await people.new()
    token = await anna.token()
    first = await partners.confirm(token)
    again = await partners.confirm(token)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert code_of(await partners.confirm(token, "member-2")) == (404, "BINDING_TOKEN_INVALID")
    assert code_of(await partners.confirm(token, app_key="ak_huishou")) == (404, "BINDING_TOKEN_INVALID")


async def test_concurrent_confirmations_create_one_binding(people: People, partners: PartnerClient, db: Db) -> None:
    anna = await people.new()
    token = await anna.token()
    answers = await asyncio.gather(partners.confirm(token), partners.confirm(token))
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len(await published(db)) == 1


async def test_concurrent_confirmations_of_one_partner_account_bind_one_person(
    people: People, partners: PartnerClient, db: Db
) -> None:
    tokens = [await (await people.new()).token() for _ in range(2)]
    answers = await asyncio.gather(*[partners.confirm(token, "member-1") for token in tokens])
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert code_of(max(answers, key=lambda answer: answer.status_code)) == (409, "PARTNER_ACCOUNT_TAKEN")
    assert len(await published(db)) == 1


async def test_unknown_expired_and_foreign_tokens_get_the_same_answer(
    people: People, partners: PartnerClient, db: Db
) -> None:
    anna = await people.new()
    assert code_of(await partners.confirm("cib_" + "x" * 24)) == (404, "BINDING_TOKEN_INVALID")
    for_another = await anna.token(partner_id="huishou")
    assert code_of(await partners.confirm(for_another)) == (404, "BINDING_TOKEN_INVALID")
    expired = await anna.token()
    await db.execute("UPDATE accounts.binding_token SET expires_at = $1", clock.now() - timedelta(seconds=1))
    assert code_of(await partners.confirm(expired)) == (404, "BINDING_TOKEN_INVALID")


async def test_a_token_is_issued_only_for_partners_with_mode_token(people: People) -> None:
    anna = await people.new()
    refused = await anna.call("POST", "/me/bindings/token", json={"partner_id": "metro"})
    assert code_of(refused) == (409, "BINDING_MODE_UNAVAILABLE")
    unknown = await anna.call("POST", "/me/bindings/token", json={"partner_id": "nobody"})
    assert code_of(unknown) == (404, "PARTNER_NOT_FOUND")
    assert (await anna.call("POST", "/me/bindings/token")).status_code == 201


async def test_tokens_per_minute_are_limited(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, bert = await people.new(), await people.new()
    frozen = clock.now()
    monkeypatch.setattr(clock, "now", lambda: frozen)
    for _ in range(TOKENS_QUOTA.at_most):
        await anna.token()
    refused = await anna.call("POST", "/me/bindings/token")
    assert code_of(refused) == (429, "QUOTA_EXCEEDED")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    await bert.token()


async def test_the_signature_covers_body_path_and_query(people: People, partners: PartnerClient) -> None:
    anna = await people.new()
    token = await anna.token()
    wrong_secret = await partners.confirm(token, secret="not-the-secret-of-this-key")
    changed_body = await partners.confirm(token, sent=b'{"token":"' + token.encode() + b'","partner_account":"m2"}')
    unknown_key = await partners.confirm(token, app_key="ak_didi", secret="x" * 20)
    for answer in (wrong_secret, changed_body, unknown_key):
        assert code_of(answer) == (401, "SIGNATURE_INVALID")
        assert answer.json()["reason_code"] == "SIGNATURE_MISMATCH"
    with_query = await partners.confirm(token, path=f"{BASE}/partner/bindings?machine=7%2F1")
    assert with_query.status_code == 201


@pytest.mark.parametrize("header", ["", "Bearer abc", "CP1-HMAC-SHA256 nonsense", "CP1-" + "x" * 4000])
async def test_a_request_without_a_valid_signature_header_is_a_401(client: httpx.AsyncClient, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = await client.post(f"{BASE}/partner/bindings", content=b"not even json", headers=headers)
    assert code_of(answer) == (401, "SIGNATURE_INVALID")


async def test_a_signed_request_is_accepted_once_even_if_it_failed(people: People, partners: PartnerClient) -> None:
    anna = await people.new()
    nonce = uuid.uuid4().hex
    assert code_of(await partners.confirm("cib_unknown", nonce=nonce)) == (404, "BINDING_TOKEN_INVALID")
    token = await anna.token()
    assert code_of(await partners.confirm(token, nonce=nonce)) == (409, "SIGNATURE_REPLAYED")
    other_partner = await partners.confirm(token, nonce=nonce, app_key="ak_huishou")
    assert other_partner.status_code == 201


@pytest.mark.parametrize("account", ["", "x" * 129, "with space", "名字"])
async def test_a_malformed_partner_account_is_refused(people: People, partners: PartnerClient, account: str) -> None:
    anna = await people.new()
    assert code_of(await partners.confirm(await anna.token(), account)) == (422, "INVALID_REQUEST")


async def test_a_token_stays_usable_after_an_outage_of_ingest(
    people: People, partners: PartnerClient, ingest: FakeIngest
) -> None:
    anna = await people.new()
    token = await anna.token()
    ingest.down = True
    assert code_of(await partners.confirm(token)) == (503, "PARTNERS_UNAVAILABLE")
    ingest.down = False
    assert (await partners.confirm(token)).status_code == 201


async def test_a_refused_service_token_is_a_503_not_a_401(
    people: People, partners: PartnerClient, ingest: FakeIngest
) -> None:
    anna = await people.new()
    token = await anna.token()
    ingest.audience = "somebody-else"
    assert code_of(await partners.confirm(token)) == (503, "PARTNERS_UNAVAILABLE")


async def test_c16_and_b16_a_confirmation_with_a_lower_case_scheme_and_one_with_a_key_twice(
    people: People, client: httpx.AsyncClient, partners: PartnerClient
) -> None:
    anna = await people.new()
    token = await anna.token()
    path = f"{BASE}/partner/bindings"

    def signed(body: bytes) -> dict[str, str]:
        now, nonce = int(clock.now().timestamp()), uuid.uuid4().hex
        secret = KEYS["ak_didi"][1]
        header = cp1.authorization(
            app_key="ak_didi", secret=secret, method="POST", target=path, timestamp=now, nonce=nonce, body=body
        )
        return {"Authorization": header.replace("CP1-HMAC-SHA256", "cp1-hmac-sha256")}

    twice = f'{{"token": "{token}", "partner_account": "a", "partner_account": "b"}}'.encode()
    for media_type in ("application/json", "text/plain"):
        answer = await client.post(path, content=twice, headers={"Content-Type": media_type, **signed(twice)})
        assert code_of(answer) == (400, "DUPLICATE_KEY")
    body = f'{{"token": "{token}", "partner_account": "member-9"}}'.encode()
    answer = await client.post(path, content=body, headers={"Content-Type": "application/json", **signed(body)})
    assert answer.status_code == 201, answer.text
