"""Binding by a confirmation at the partner: what a thief, a liar, a crowd and a crash can do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from services.accounts.authorizations import domain, revoking
from services.accounts.authorizations import service as authorizations
from services.accounts.authorizations.revoking import RevocationRunner
from services.accounts.bindings import oauth_binding
from services.accounts.partners import oauth as partner_oauth
from services.accounts.settings import Settings
from shared import clock
from shared.db import Database
from tests.accounts.conftest import Db, People, code_of, published
from tests.accounts.fakes import OAUTH, PARTNERS, FakeIngest, Hello, partner

INVALID = (422, "BINDING_STATE_INVALID")


@pytest.fixture
async def runner(app: FastAPI, settings: Settings) -> AsyncIterator[RevocationRunner]:
    """The worker's part that ends tokens, with the fake partner as its network."""
    database, resources = Database(settings.database_url), app.state.resources
    yield RevocationRunner(database, vault=resources.vault, partners=resources.partners, oauth=resources.oauth)
    await database.stop()


async def test_the_address_asks_for_a_code_with_state_and_pkce_at_the_registered_redirect(people: People) -> None:
    anna = await people.new()
    started = (await anna.authorize()).json()
    parts = urlsplit(started["authorization_url"])
    asked = dict(parse_qsl(parts.query))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == OAUTH["authorize_url"]
    assert (asked["response_type"], asked["client_id"]) == ("code", "carbon")
    assert (asked["redirect_uri"], asked["code_challenge_method"]) == (OAUTH["redirect_uri"], "S256")
    assert len(asked["code_challenge"]) == 43
    other = dict(parse_qsl(urlsplit((await anna.authorize()).json()["authorization_url"]).query))
    assert {asked["state"], asked["code_challenge"]}.isdisjoint({other["state"], other["code_challenge"]})


async def test_a_start_needs_an_account_and_a_partner_with_oauth(people: People) -> None:
    stranger, anna = await people.new(with_account=False), await people.new()
    assert code_of(await stranger.authorize()) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    assert code_of(await anna.authorize("didi")) == (409, "BINDING_MODE_UNAVAILABLE")
    assert code_of(await anna.authorize("nobody")) == (404, "PARTNER_NOT_FOUND")


async def test_starts_per_hour_are_limited(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await people.new()
    frozen = clock.now()
    monkeypatch.setattr(clock, "now", lambda: frozen)
    for _ in range(authorizations.AUTHORIZATIONS_QUOTA.at_most):
        assert (await anna.authorize()).status_code == 201
    assert code_of(await anna.authorize()) == (429, "QUOTA_EXCEEDED")


async def test_a_repeated_request_gets_the_same_binding_without_a_second_exchange(
    people: People, hello: Hello, db: Db
) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()
    first = await anna.bind("hello", "oauth", **redirect)
    again = await anna.bind("hello", "oauth", **redirect)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (hello.exchanges, len(await published(db))) == (1, 1)
    another_code = {**redirect, "code": "another"}
    assert code_of(await anna.bind("hello", "oauth", **another_code)) == INVALID


async def test_five_requests_at_once_with_one_state_make_one_exchange_and_one_binding(
    people: People, hello: Hello, db: Db
) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()
    answers = await asyncio.gather(*[anna.bind("hello", "oauth", **redirect) for _ in range(5)])
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert {code_of(answer) for answer in answers if answer.status_code >= 400} <= {INVALID}
    assert (hello.exchanges, len(await published(db))) == (1, 1)


async def test_a_forged_state_never_reaches_the_partner(people: People, hello: Hello) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()
    nonce, _, signature = redirect["state"].partition(".")
    forged = ["x", ".", f"{nonce}.", f".{signature}", nonce, f"{nonce}.{signature[:-1]}", f"{nonce}.{'A' * 43}"]
    forged += [f"{nonce}x.{signature}", f"{redirect['state']}.", f"{redirect['state']}\u0000", "é.ü"]
    for state in forged:
        answer = await anna.bind("hello", "oauth", **{**redirect, "state": state})
        assert code_of(answer) == INVALID, state
    assert hello.exchanges == 0
    assert (await anna.bind("hello", "oauth", **redirect)).status_code == 201


async def test_the_state_of_another_person_is_worth_nothing(people: People, hello: Hello) -> None:
    """A victim who follows the thief's redirect would earn for the thief's rides, or lose the own ones."""
    anna, thief = await people.new(), await people.new()
    redirect = await anna.confirmed()
    assert code_of(await thief.bind("hello", "oauth", **redirect)) == INVALID
    assert code_of(await anna.bind("hello", "oauth", **{**redirect, "state": (await thief.confirmed())["state"]})) == (
        INVALID
    )
    assert hello.exchanges == 0


async def test_the_state_of_another_session_of_the_same_person_is_worth_nothing(people: People, hello: Hello) -> None:
    phone, tablet = await people.new("anna"), await people.new("anna")
    assert phone.user_id == tablet.user_id
    redirect = await phone.confirmed()
    assert code_of(await tablet.bind("hello", "oauth", **redirect)) == INVALID
    assert hello.exchanges == 0
    assert (await phone.bind("hello", "oauth", **redirect)).status_code == 201


async def test_a_state_survives_the_rotation_of_the_tokens_of_its_session(
    people: People, client: httpx.AsyncClient
) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()
    answer = await client.post("/api/v1/accounts/sessions/refresh", json={"refresh_token": anna.refresh_token})
    anna.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await anna.bind("hello", "oauth", **redirect)).status_code == 201


async def test_a_state_and_a_code_of_another_partner_are_worth_nothing(
    people: People, ingest: FakeIngest, hello: Hello
) -> None:
    ingest.partners = [*PARTNERS, partner("ola", ["bike"], ["oauth"], oauth={**OAUTH, "client_id": "ola"})]
    anna = await people.new()
    redirect = await anna.confirmed()
    assert code_of(await anna.bind("ola", "oauth", **redirect)) == INVALID
    assert hello.exchanges == 0
    own = dict(parse_qsl(urlsplit((await anna.authorize("ola")).json()["authorization_url"]).query))
    mixed = {**redirect, "state": own["state"]}
    assert code_of(await anna.bind("ola", "oauth", **mixed)) == (422, "PARTNER_CODE_INVALID")


async def test_an_expired_state_is_refused(people: People, db: Db, hello: Hello) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()
    await db.execute("UPDATE accounts.binding_authorization SET expires_at = $1", clock.now() - timedelta(seconds=1))
    assert code_of(await anna.bind("hello", "oauth", **redirect)) == INVALID
    assert hello.exchanges == 0


@pytest.mark.parametrize("iss", [None, "https://evil.test", "https://hello.test/", "HTTPS://HELLO.TEST"])
async def test_an_answer_of_another_issuer_is_refused_and_its_state_used_up(
    people: People, hello: Hello, iss: str | None
) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()
    answer = await anna.bind("hello", "oauth", **{**redirect, "iss": iss})
    assert code_of(answer) == (422, "PARTNER_ISSUER_MISMATCH")
    assert code_of(await anna.bind("hello", "oauth", **redirect)) == INVALID
    assert hello.exchanges == 0


async def test_a_code_stolen_from_the_redirect_fails_at_the_partner_without_the_verifier(
    people: People, hello: Hello
) -> None:
    anna, thief = await people.new(), await people.new()
    stolen = (await anna.confirmed())["code"]
    own = (await thief.confirmed("thief"))["state"]
    answer = await thief.bind("hello", "oauth", code=stolen, state=own, iss=OAUTH["issuer"])
    assert code_of(answer) == (422, "PARTNER_CODE_INVALID")
    assert hello.exchanges == 1


@pytest.mark.parametrize(
    "redirect",
    [
        "https://carbon.test/bound/",
        "https://carbon.test/bound?next=https://evil.test",
        "https://carbon.test@evil.test/bound",
        "https://evil.test/bound",
        "https://carbon.test/bound/../open",
        "https://cаrbon.test/bound",
        "https://CARBON.test/bound",
        "http://carbon.test/bound",
        "",
    ],
)
async def test_the_partner_sends_nobody_to_another_address(people: People, hello: Hello, redirect: str) -> None:
    anna = await people.new()
    url = (await anna.authorize()).json()["authorization_url"]
    asked = {**dict(parse_qsl(urlsplit(url).query)), "redirect_uri": redirect}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hello.app)) as browser:
        answer = await browser.post(
            f"{OAUTH['authorize_url']}?{urlencode(asked)}", data={"customer": "c", "decision": "allow"}
        )
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def _slow(_request: Request) -> Response:
    await asyncio.sleep(5)
    return JSONResponse({"open_id": "late"})


async def _huge(_request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"open_id": "x", "more": "'
        for _ in range(1_000):
            yield b"x" * 10_000

    return StreamingResponse(pieces(), media_type="application/json")


async def _redirecting(_request: Request) -> Response:
    return RedirectResponse("http://169.254.169.254/latest/meta-data", status_code=307)


async def _nested(_request: Request) -> Response:
    return Response(b"[" * 60_000, media_type="application/json")


async def test_no_database_connection_waits_for_a_partner(people: People, hello: Hello, app: FastAPI) -> None:
    anna = await people.new()
    in_use: list[int] = []

    async def watch(_request: Request) -> Response:
        in_use.append(app.state.db._engine.pool.checkedout())
        return JSONResponse({"open_id": "a"})

    hello.trick = watch
    assert (await anna.bind_hello()).status_code == 201
    assert in_use == [0]


@pytest.mark.parametrize("trick", [_slow, _huge, _redirecting, _nested])
async def test_a_slow_huge_redirecting_or_nested_answer_is_a_503_within_the_deadline(
    people: People, hello: Hello, db: Db, monkeypatch: pytest.MonkeyPatch, trick: object
) -> None:
    monkeypatch.setattr(partner_oauth, "_CALL_TIMEOUT_S", 0.3)
    anna = await people.new()
    hello.trick = trick  # type: ignore[assignment]  # one of the four above
    async with asyncio.timeout(3):
        assert code_of(await anna.bind_hello()) == (503, "PARTNER_UNAVAILABLE")
    assert await published(db) == []
    hello.trick = None
    assert (await anna.bind_hello()).status_code == 201


async def test_the_tokens_of_a_partner_are_sealed_and_end_with_the_binding(
    people: People, hello: Hello, db: Db, runner: RevocationRunner
) -> None:
    anna = await people.new()
    bound = (await anna.bind_hello()).json()
    assert hello.partner.live_grants("rider-7") == 1
    assert await runner.run_once() == 0
    await anna.unbind(bound["binding_id"])
    assert hello.partner.live_grants("rider-7") == 1  # no partner is called inside the request
    assert await runner.run_once() == 1
    assert hello.partner.live_grants("rider-7") == 0
    assert await db.fetchval("SELECT count(*) FROM accounts.partner_grant") == 0


async def test_a_revocation_is_tried_again_later_and_not_for_ever(
    people: People, hello: Hello, db: Db, runner: RevocationRunner
) -> None:
    anna = await people.new()
    bound = (await anna.bind_hello()).json()
    hello.partner.revocation_is_down = True
    assert (await anna.unbind(bound["binding_id"])).status_code == 204
    for attempt in range(1, domain.ATTEMPTS_MAX + 1):
        assert await runner.run_once() == 1
        assert await runner.run_once() == 0, "the next attempt waits"
        left = await db.fetchrow("SELECT attempts, revoke_at FROM accounts.partner_grant")
        if attempt < domain.ATTEMPTS_MAX:
            assert left is not None
            assert left["attempts"] == attempt
            await db.execute("UPDATE accounts.partner_grant SET revoke_at = $1", clock.now())
    assert await db.fetchval("SELECT count(*) FROM accounts.partner_grant") == 0


async def test_two_phones_that_confirm_one_partner_account_at_once_bind_one_person(
    people: People, hello: Hello, db: Db, runner: RevocationRunner
) -> None:
    pair = [await people.new(), await people.new()]
    redirects = [await person.confirmed("rider-9") for person in pair]
    answers = await asyncio.gather(
        *[person.bind("hello", "oauth", **redirect) for person, redirect in zip(pair, redirects, strict=True)]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await published(db)) == 1
    assert hello.partner.live_grants("rider-9") == 2
    await _hurry(db)
    assert await runner.run_once() == 1
    assert hello.partner.live_grants("rider-9") == 1, "the winner's confirmation stays"


async def test_a_crash_between_exchange_and_binding_leaves_no_living_token(
    people: People, hello: Hello, db: Db, runner: RevocationRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await people.new()
    redirect = await anna.confirmed()

    async def crash(*_: object, **__: object) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(oauth_binding, "_bind", crash)
        assert (await anna.bind("hello", "oauth", **redirect)).status_code == 500
    assert await published(db) == []
    assert hello.partner.live_grants("rider-7") == 1
    assert code_of(await anna.bind("hello", "oauth", **redirect)) == INVALID
    await _hurry(db)
    assert await runner.run_once() == 1
    assert hello.partner.live_grants("rider-7") == 0
    assert (await anna.bind_hello()).status_code == 201


async def test_binding_again_ends_the_tokens_of_the_first_confirmation(
    people: People, hello: Hello, db: Db, runner: RevocationRunner
) -> None:
    anna = await people.new()
    first, again = await anna.bind_hello(), await anna.bind_hello()
    assert (first.status_code, again.status_code) == (201, 200)
    assert hello.partner.live_grants("rider-7") == 2
    assert await runner.run_once() == 1
    assert hello.partner.live_grants("rider-7") == 1
    assert len(await published(db)) == 1


async def test_consent_given_again_keeps_the_tokens_with_the_successor(
    people: People, hello: Hello, runner: RevocationRunner
) -> None:
    anna = await people.new()
    await anna.bind_hello()
    await anna.call("DELETE", "/me/consents", params={"purpose": "data_processing"})
    await anna.open_account()
    assert await runner.run_once() == 0
    [successor] = (await anna.call("GET", "/me/bindings", params={"status": "active"})).json()["items"]
    await anna.unbind(successor["binding_id"])
    assert await runner.run_once() == 1
    assert hello.partner.live_grants("rider-7") == 0


async def test_a_worker_that_died_leaves_its_revocation_to_the_next_one(
    people: People, hello: Hello, db: Db, runner: RevocationRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await people.new()
    bound = (await anna.bind_hello()).json()
    await anna.unbind(bound["binding_id"])
    with monkeypatch.context() as patch:
        patch.setattr(RevocationRunner, "_end", _dies)
        with pytest.raises(RuntimeError):
            await runner.run_once()
    assert await runner.run_once() == 0, "the lease of the dead worker runs"
    later = clock.now() + revoking._LEASE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await runner.run_once() == 1
    assert hello.partner.live_grants("rider-7") == 0


async def _dies(*_: object) -> None:
    raise RuntimeError("the worker ends here")


async def test_states_and_grants_are_erased_once_the_partner_has_revoked_them(
    people: People, app: FastAPI, db: Db, runner: RevocationRunner, hello: Hello
) -> None:
    anna = await people.new()
    await anna.bind_hello()
    async with app.state.db.transaction() as session:
        await authorizations.erase_user(session, user_id=anna.user_id)
    assert await db.fetchval("SELECT count(*) FROM accounts.binding_authorization") == 0
    assert await runner.run_once() == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.partner_grant") == 0
    assert hello.partner.live_grants("rider-7") == 0


async def test_an_entry_from_before_pkce_offers_no_oauth_and_hides_no_other_mode(
    people: People, ingest: FakeIngest
) -> None:
    old = {"token_url": "https://old.test/token", "client_id": "c", "client_secret": "s"}
    ingest.partners = [partner("old", ["bike"], ["oauth", "account_no"], oauth=old)]
    anna = await people.new()
    assert code_of(await anna.authorize("old")) == (409, "BINDING_MODE_UNAVAILABLE")
    assert (await anna.bind("old")).status_code == 201


async def _hurry(db: Db) -> None:
    """Let the time pass that a grant waits for its binding."""
    await db.execute("UPDATE accounts.partner_grant SET revoke_at = $1 WHERE revoke_at IS NOT NULL", clock.now())
