"""Routes of the whole service: scopes of operators, health, metrics and documents."""

from tests.accounting.driver import Accounting


async def test_operators_routes_refuse_strangers_and_citizens(accounting: Accounting) -> None:
    person = await accounting.citizen()
    path = "/api/v1/accounting/ops/ledger/check"
    assert (await accounting.client.get(path)).status_code == 401
    as_citizen = await accounting.client.get(path, headers=accounting.tokens.citizen(person.user_id))
    assert (as_citizen.status_code, as_citizen.json()["code"]) == (403, "FORBIDDEN")
    wrong_scope = await accounting.client.get(path, headers=accounting.tokens.operator("ops:read"))
    assert wrong_scope.status_code == 403


async def test_health_metrics_and_documents_answer(accounting: Accounting) -> None:
    assert (await accounting.client.get("/healthz")).json()["status"] == "ok"
    assert (await accounting.client.get("/readyz")).json()["ready"] is True
    assert "carbon_http_seconds" in (await accounting.client.get("/metrics")).text
    document = (await accounting.client.get("/api/v1/accounting/openapi.json")).json()
    assert all(operation.get("summary") for path in document["paths"].values() for operation in path.values())
