"""The partners' servers of the local stack hold the rules that real ones must."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.fake_oauth_partner import CODE_LIFE_S, OauthPartner, Registration, router_of
from deploy.local.fake_partners import FakePartners, create_app
from deploy.local.partners import PARTNER_ENVIRONMENTS, ingest_seed, servers_configuration
from deploy.local.secrets_file import Secrets
from services.ingest.partners.seed_file import SeedPartner

OURS = Registration("https://bike.test", "carbon", "a-secret", "https://carbon.test/bound")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Bike:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.partner = OauthPartner(OURS, now=lambda: self.now_s)
        app = FastAPI()
        app.include_router(router_of(self.partner))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://bike.test")

    async def authorize(self, **changes: str) -> httpx.Response:
        asked = {
            "response_type": "code",
            "client_id": OURS.client_id,
            "redirect_uri": OURS.redirect_uri,
            "state": "s&1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "customer": "rider",
            "decision": "allow",
            **changes,
        }
        return await self.http.post("/oauth/authorize", data=asked)

    async def code(self) -> str:
        return returned(await self.authorize())["code"]

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        asked = {
            "grant_type": "authorization_code",
            "client_id": OURS.client_id,
            "client_secret": OURS.client_secret,
            "redirect_uri": OURS.redirect_uri,
            "code_verifier": VERIFIER,
            "code": code,
            **changes,
        }
        return await self.http.post("/oauth/token", data=asked)


def returned(answer: httpx.Response) -> dict[str, str]:
    parts = urlsplit(answer.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == OURS.redirect_uri
    return dict(parse_qsl(parts.query))


@pytest.fixture
async def bike() -> AsyncIterator[Bike]:
    made = Bike()
    yield made
    await made.http.aclose()


async def test_a_confirmation_returns_code_state_and_issuer(bike: Bike) -> None:
    back = returned(await bike.authorize())
    assert (back["state"], back["iss"]) == ("s&1", OURS.issuer)
    token = (await bike.exchange(back["code"])).json()
    assert token["open_id"] == bike.partner.open_id("rider")
    assert token["token_type"] == "Bearer"


async def test_a_code_used_again_ends_the_tokens_it_gave(bike: Bike) -> None:
    code = await bike.code()
    assert (await bike.exchange(code)).status_code == 200
    assert bike.partner.live_grants("rider") == 1
    assert (await bike.exchange(code)).json() == {"error": "invalid_grant"}
    assert bike.partner.live_grants("rider") == 0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"code_verifier": "w" * 43}, 400),
        ({"code_verifier": ""}, 400),
        ({"redirect_uri": f"{OURS.redirect_uri}/"}, 400),
        ({"grant_type": "client_credentials"}, 400),
        ({"client_secret": "another"}, 401),
        ({"client_id": "another"}, 401),
    ],
)
async def test_an_exchange_that_differs_from_its_confirmation_is_refused(
    bike: Bike, changes: dict[str, str], status: int
) -> None:
    assert (await bike.exchange(await bike.code(), **changes)).status_code == status
    assert bike.partner.live_grants("rider") == 0


async def test_a_code_lives_a_minute(bike: Bike) -> None:
    code = await bike.code()
    bike.now_s = CODE_LIFE_S + 1
    assert (await bike.exchange(code)).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"decision": "deny"}, "access_denied"),
        ({"customer": "<script>"}, "access_denied"),
    ],
)
async def test_a_request_out_of_order_returns_an_error_and_no_code(
    bike: Bike, changes: dict[str, str], error: str
) -> None:
    back = returned(await bike.authorize(**changes))
    assert (back["error"], back.get("code")) == (error, None)


async def test_an_unknown_client_or_address_is_not_redirected_to(bike: Bike) -> None:
    for changes in ({"client_id": "another"}, {"redirect_uri": "https://evil.test/bound"}):
        answer = await bike.authorize(**changes)
        assert (answer.status_code, answer.headers.get("location")) == (400, None)
    page = await bike.http.get("/oauth/authorize", params={"client_id": OURS.client_id, "redirect_uri": "<b>"})
    assert page.status_code == 400


async def test_the_page_escapes_what_it_was_asked(bike: Bike) -> None:
    asked = {
        "response_type": "code",
        "client_id": OURS.client_id,
        "redirect_uri": OURS.redirect_uri,
        "state": '"><script>alert(1)</script>',
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    page = await bike.http.get("/oauth/authorize", params=asked)
    assert page.status_code == 200
    assert "<script>" not in page.text


async def test_revocation_ends_the_confirmation_and_knows_no_other_token(bike: Bike) -> None:
    tokens = (await bike.exchange(await bike.code())).json()
    client = {"client_id": OURS.client_id, "client_secret": OURS.client_secret}
    assert (await bike.http.post("/oauth/revoke", data={**client, "token": "unknown"})).status_code == 200
    assert (await bike.http.post("/oauth/revoke", data={"token": tokens["access_token"]})).status_code == 401
    assert bike.partner.live_grants("rider") == 1
    answer = await bike.http.post("/oauth/revoke", json={**client, "token": tokens["refresh_token"]})
    assert answer.status_code == 200
    assert bike.partner.live_grants("rider") == 0


def test_the_seed_registers_each_partner_with_its_way_to_bind(tmp_path: Any) -> None:
    secrets = Secrets(tmp_path / "secrets.json", PARTNER_ENVIRONMENTS)
    servers = "http://127.0.0.1:8112"
    seeded = {one["partner_id"]: SeedPartner.model_validate(one) for one in ingest_seed(secrets, servers)}
    assert "oauth" in seeded["bike"].binding_modes
    assert seeded["bike"].oauth is not None
    assert seeded["metro"].phone_pepper is not None
    for name in ("recycler", "meter"):
        assert "account_no_confirmed" in seeded[name].binding_modes
        assert "account_no" not in seeded[name].binding_modes
    chosen = FakePartners.model_validate_json(json.dumps(servers_configuration(secrets, servers, "http://gateway")))
    assert chosen.oauth["redirect_uri"] == seeded["bike"].oauth.redirect_uri
    assert chosen.oauth["issuer"] == seeded["bike"].oauth.issuer


async def test_the_five_servers_answer_in_one_process(tmp_path: Any) -> None:
    secrets = Secrets(tmp_path / "secrets.json", PARTNER_ENVIRONMENTS)
    chosen = FakePartners.model_validate(servers_configuration(secrets, "http://servers", "http://gateway"))
    nobody = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": [], "next_cursor": None}))
    app = create_app(chosen, gateway_transport=nobody)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://servers") as http,
    ):
        assert (await http.get("/readyz")).json() == {"ready": True}
        assert (await http.get("/bike/customers/a")).json()["live_grants"] == 0
        hashed = await http.put("/metro/customers/a", json={"phone": "13800138000"})
        assert hashed.json()["type"] == "phone_hash"
        assert (await http.put("/metro/customers/a", json={"phone": "no"})).status_code == 422
        for name in ("recycler", "meter"):
            looked = await http.put(f"/{name}/customers/a", json={"account_no": "WH1"})
            assert looked.json() == {"confirmed": 0, "refused": 0, "waiting": 0}
        named = await http.put("/grid/customers/4201004812345", json={"account_no": "WH1"})
        assert named.json() == {"status": "confirmed"}
        assert (await http.put("/grid/customers/13800138000", json={"account_no": "WH1"})).status_code == 404
