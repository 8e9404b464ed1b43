"""The routes of the four services at the border: the gateway reaches each declared one, and no other one."""

import uuid
from typing import Final

import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket

from tests.contract.personal_data_page import SERVICES
from tests.privacy.city import City
from tests.privacy.routes import declared, every_route, undeclared_routes
from tests.privacy.test_token_matrix import call
from tests.privacy.ways import Way, refusal
from tests.privacy.wrong_tokens import EVERY_SCOPE
from tests.tokens import service_token

# Probes and the document: outside OpenAPI, and nothing in them is anybody's.
PUBLIC: Final = frozenset({"/healthz", "/readyz", "/metrics", *(f"/api/v1/{one}/openapi.json" for one in SERVICES)})
# Everything that a stranger may call. Nothing in it is anybody's.
FOR_NOBODY: Final = {
    # Who logs in has no token yet. A refresh token and a code are proofs of their own.
    "POST /api/v1/accounts/sessions",
    "POST /api/v1/accounts/sessions/refresh",
    "POST /api/v1/accounts/ops/log-ins",
    "POST /api/v1/accounts/ops/sessions",
    "POST /api/v1/accounts/ops/sessions/refresh",
    "GET /api/v1/accounts/.well-known/jwks.json",
    "GET /api/v1/accounts/policies",
    "GET /api/v1/accounts/scenes",
    "GET /api/v1/ingest/imports/template.csv",
    # Explains a signature that fails, for sandbox keys.
    "POST /api/v1/ingest/signature-debug",
    "GET /api/v1/accounting/methodologies",
    "GET /api/v1/accounting/methodologies/calendar",
    "GET /api/v1/accounting/methodologies/{code}/versions/{version}",
    "GET /api/v1/accounting/factors",
    "GET /api/v1/accounting/shelf",
    "GET /api/v1/accounting/shelf/{code}/versions/{version}",
    "GET /api/v1/accounting/public/digests",
    "GET /api/v1/accounting/public/digests/{day}",
    "GET /api/v1/accounting/public/proofs/{activity_id}",
    "GET /api/v1/accounting/public/stats",
    "GET /api/v1/rewards/categories",
    "GET /api/v1/rewards/pictures/{sha256}",
    "GET /api/v1/rewards/items",
    "GET /api/v1/rewards/items/{item_id}",
    "GET /api/v1/rewards/items/{item_id}/shops",
    "GET /api/v1/rewards/voucher-rules",
    "GET /api/v1/rewards/campaigns",
    "GET /api/v1/rewards/campaigns/{campaign_id}",
    # Donors by pseudonym, by the name they agreed to, or by the name of an enterprise.
    "GET /api/v1/rewards/campaigns/{campaign_id}/donors",
    # The number of a certificate is not to be guessed, and its holder shows it.
    "GET /api/v1/rewards/certificates",
    "GET /api/v1/rewards/certificates/{certificate_no}",
    "GET /api/v1/rewards/certificates/{certificate_no}.pdf",
    "GET /api/v1/rewards/certificates/{certificate_no}.png",
}


def test_every_route_is_declared(city: City) -> None:
    for service in SERVICES:
        assert undeclared_routes(service, city.apps[service], PUBLIC) == []


def test_an_undeclared_route_is_found() -> None:
    """Whatever its kind and however it was added."""
    app, router = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), APIRouter(prefix="/api/v1/planted")

    async def answer() -> None: ...

    async def respond(_request: Request) -> Response:
        return Response()

    async def talk(socket: WebSocket) -> None:
        await socket.close()

    router.add_api_route("/items", answer)
    router.add_api_route("/hidden", answer, methods=["GET", "DELETE"], include_in_schema=False)
    app.include_router(router)
    app.include_router(router, prefix="/v2", include_in_schema=False)
    app.add_route("/plain", respond)
    app.add_api_websocket_route("/talk", talk)
    app.mount("/mounted", FastAPI())
    app.add_api_route("/internal/planted/orders", answer, include_in_schema=False)
    app.add_api_route("/internal/other/orders", answer, include_in_schema=False)
    app.add_api_route("/healthz", answer, include_in_schema=False)
    assert set(undeclared_routes("planted", app, PUBLIC)) == {
        "DELETE /api/v1/planted/hidden",
        "GET /api/v1/planted/hidden",
        "GET /v2/api/v1/planted/items",
        "GET /v2/api/v1/planted/hidden",
        "DELETE /v2/api/v1/planted/hidden",
        "GET /plain",
        "ANY /talk",
        "ANY /mounted",
        "GET /internal/other/orders",
    }


def test_what_needs_nobody_is_listed(city: City) -> None:
    """A new public route is added to the list by hand."""
    public = {str(one) for one in declared(city.apps) if one.requires == "nobody"}
    assert public == FOR_NOBODY


async def test_every_declared_route_is_reached_through_the_gateway(outside: Way) -> None:
    lost = []
    for one in declared(outside.city.apps):
        token = None
        if one.requires == "citizen":
            token = outside.city.tokens.access(uuid.uuid4())
        elif one.requires == "operator":
            token = outside.city.tokens.access(f"operator-{uuid.uuid4()}", EVERY_SCOPE)
        answer = await call(outside.city, one, token)
        if not outside.reached(answer):
            lost.append(f"{one}: {answer.status_code} {answer.text[:100]}")
    assert lost == []


@pytest.mark.parametrize("prefix", ["", "/api/v1/{service}"])
async def test_nothing_else_is_reached_through_the_gateway(outside: Way, prefix: str) -> None:
    """With whatever token: also the one of a service, which is right inside."""
    city, asked = outside.city, 0
    access = city.tokens.access
    probes = {f"/api/v1/{service}/{probe}" for service in SERVICES for probe in ("healthz", "readyz")}
    for service in SERVICES:
        shown = {one.path for one in declared(city.apps) if one.service == service}
        for route in every_route(city.apps[service]):
            inner = str(route.path_format)
            path = prefix.format(service=service) + inner.replace("{", "").replace("}", "")
            if path in probes or inner in shown or (inner in PUBLIC and inner.startswith("/api/")):
                continue
            for token in (None, access("op", EVERY_SCOPE), service_token("accounts", service)):
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                for method in sorted(route.methods or {"GET"}):
                    answer = await city.http[service].request(method, path, headers=headers, json={})
                    assert not outside.reached(answer), (method, path, answer.text)
                    if method != "HEAD":
                        assert refusal(answer) == (404, "NOT_FOUND"), (method, path, answer.text)
                    asked += 1
    assert asked > 60
