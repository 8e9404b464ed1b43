"""What every test may use: one throw-away PostgreSQL for the session, tokens, and time limits."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.postgres import PostgresServer
from tests import declared_codes
from tests.kafka import kafka_bootstrap, kafka_node
from tests.tokens import TokenFactory

__all__ = ["kafka_bootstrap", "kafka_node"]

# A busy machine is no bug: properties are judged, never the time an example takes.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
declared_codes.watch()


@pytest.fixture(autouse=True)
def only_declared_codes() -> Iterator[None]:
    """Every problem document that a service answers in a test has a code that OpenAPI lists for its operation."""
    declared_codes.undeclared.clear()
    yield
    assert declared_codes.undeclared == []


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres") / "data", durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        server.destroy()


@pytest.fixture(scope="session")
def postgres_admin_dsn(postgres_server: PostgresServer) -> str:
    """Superuser of the session's cluster."""
    return postgres_server.admin_dsn()


@pytest.fixture(scope="session")
def tokens() -> TokenFactory:
    """Makes citizens', operators' and forged tokens; `tokens.jwks_transport()` serves its public key."""
    return TokenFactory(Ed25519PrivateKey.generate())


@pytest.fixture(scope="session")
def jwks_transport(tokens: TokenFactory) -> httpx.MockTransport:
    def answer(_request: httpx.Request) -> httpx.Response:
        document: dict[str, Any] = tokens.jwks()
        return httpx.Response(200, content=json.dumps(document))

    return httpx.MockTransport(answer)
