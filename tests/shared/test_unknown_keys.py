"""A token whose key is not published is 401 in the services as well, however often it comes."""

import json
import uuid

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth.tokens import TokenVerifier
from shared.errors import Unauthenticated, Unavailable
from shared.settings import ServiceSettings
from tests.tokens import TokenFactory


class Keys(httpx.AsyncBaseTransport):
    def __init__(self, tokens: TokenFactory) -> None:
        self.answer: httpx.Response | None = None
        self.asked = 0
        self._document = json.dumps(tokens.jwks()).encode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answer or httpx.Response(200, content=self._document, request=request)


@pytest.fixture
def keys(tokens: TokenFactory) -> Keys:
    return Keys(tokens)


@pytest.fixture
def verifier(keys: Keys) -> TokenVerifier:
    settings = ServiceSettings.model_validate(
        {
            "database_url": "postgresql://nobody@nowhere.invalid/x",
            "event_log_url": "postgresql://nobody@nowhere.invalid/x",
            "jwks_url": "http://accounts.test/jwks",
        }
    )
    return TokenVerifier(settings, transport=keys)


async def test_b5_an_unknown_key_id_is_401_each_time_and_asks_for_the_keys_once(
    verifier: TokenVerifier, keys: Keys, tokens: TokenFactory
) -> None:
    """hmcts/ccd-data-store-api#3020: once the fetches are limited, the same token became a 500."""
    foreign = TokenFactory(Ed25519PrivateKey.generate()).access(uuid.uuid4())
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await verifier.access_claims(foreign)
    assert keys.asked == 1
    assert (await verifier.access_claims(tokens.access(uuid.uuid4())))["scope"] == "citizen"


@pytest.mark.parametrize("status", [500, 503, 404])
async def test_b5_an_error_in_place_of_the_keys_is_503(
    verifier: TokenVerifier, keys: Keys, tokens: TokenFactory, status: int
) -> None:
    """MicahParks/keyfunc#48: a JWKS answered with 500 and JSON was read as an empty set of keys."""
    request = httpx.Request("GET", "http://accounts.test/jwks")
    keys.answer = httpx.Response(status, json={"message": "error"}, request=request)
    with pytest.raises(Unavailable):
        await verifier.access_claims(tokens.access(uuid.uuid4()))
    keys.answer = None
    assert await verifier.access_claims(tokens.access(uuid.uuid4()))


async def test_b5_keys_that_are_away_later_stay_known(
    verifier: TokenVerifier, keys: Keys, tokens: TokenFactory
) -> None:
    assert await verifier.access_claims(tokens.access(uuid.uuid4()))
    keys.answer = httpx.Response(503, request=httpx.Request("GET", "http://accounts.test/jwks"))
    assert await verifier.access_claims(tokens.access(uuid.uuid4()))
    with pytest.raises(Unauthenticated):
        await verifier.access_claims(TokenFactory(Ed25519PrivateKey.generate()).access(uuid.uuid4()))
