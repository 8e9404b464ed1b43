"""Behaviour common to the applications of all services: problems, request ids, limits, tokens, idempotency, docs."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from sqlalchemy import text

from shared import clock, idempotency
from shared.app import BODY_LIMIT_BYTES, build_app
from shared.auth.tokens import Citizen, Operator, require_scope, require_service
from shared.db import Database, Session, driver
from shared.errors import Conflict
from shared.language import Sentence, Text
from shared.settings import ServiceSettings
from tests.databases import Dsns, empty_tables
from tests.shared.conftest import SCHEMA
from tests.tokens import TokenFactory, service_token

router = APIRouter(prefix="/api/v1/sample")


class Thing(BaseModel):
    amount_mg: int = Field(gt=0)


class TooSour(Conflict):
    code = "TOO_SOUR"
    says = Sentence(Text("太酸了", "Too sour"), Text("请换一个。", "Take another one."))


@router.post("/things", status_code=201, summary="东西 · Things")
async def add_thing(session: Session, citizen: Citizen, body: Thing, key: idempotency.RequiredKey) -> dict[str, int]:
    names = {"schema": SCHEMA, "subject": str(citizen.user_id), "route": "things", "key": key}
    stored = await idempotency.begin(session, **names)  # type: ignore[arg-type]  # one dict, mixed types
    if stored:
        return dict(stored.body)
    await session.execute(text(f"INSERT INTO {SCHEMA}.seen VALUES (:v, '-')"), {"v": str(body.amount_mg)})
    await asyncio.sleep(0.05)
    await idempotency.finish(session, **names, status=201, body_json=body.model_dump_json())  # type: ignore[arg-type]  # one dict, mixed types
    return {"amount_mg": body.amount_mg}


@router.get("/sour")
async def sour() -> None:
    raise TooSour


@router.get("/broken")
async def broken() -> None:
    raise ValueError("a secret in a message")


@router.get("/statement")
async def statement(session: Session, sql: str) -> None:
    await session.execute(text(sql))


@router.get("/raw-statement")
async def raw_statement(session: Session, sql: str) -> None:
    await (await driver(session)).execute(sql)


@router.get("/ops")
async def ops(_operator: Annotated[Operator, Depends(require_scope("ops:read"))]) -> dict[str, bool]:
    return {"ok": True}


@router.get("/service")
async def service(caller: Annotated[str, Depends(require_service("sample", callers={"rewards"}))]) -> dict[str, str]:
    return {"caller": caller}


@pytest.fixture
async def client(
    plumbing_settings: ServiceSettings,
    plumbing_dsns: Dsns,
    database: Database,
    jwks_transport: httpx.MockTransport,
) -> AsyncIterator[httpx.AsyncClient]:
    await empty_tables(plumbing_dsns, SCHEMA)
    app = build_app(
        service="sample",
        settings=plumbing_settings,
        routers=[router],
        title_zh="样例",
        title_en="Sample",
        jwks_transport=jwks_transport,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as client:
        yield client


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail", "instance", "retryable", "errors"} <= set(body)
    return body


async def test_every_error_is_answered_as_a_problem_document(client: httpx.AsyncClient) -> None:
    assert is_problem(await client.get("/api/v1/sample/sour"), 409, "TOO_SOUR")["title"] == "太酸了"
    english = await client.get("/api/v1/sample/sour", headers={"Accept-Language": "en-GB,zh;q=0.5"})
    assert english.json()["title"] == "Too sour"
    is_problem(await client.get("/nowhere"), 404, "NOT_FOUND")
    is_problem(await client.delete("/api/v1/sample/sour"), 405, "METHOD_NOT_ALLOWED")
    broken = await client.get("/api/v1/sample/broken")
    is_problem(broken, 500, "INTERNAL_ERROR")
    assert "secret" not in broken.text


async def test_a_harmless_request_id_is_kept_and_any_other_is_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.get("/healthz", headers={"X-Request-Id": "abc-123"})
    assert kept.headers["x-request-id"] == "abc-123"
    made = await client.get("/healthz", headers={"X-Request-Id": "<script>"})
    assert uuid.UUID(made.headers["x-request-id"])


async def test_the_body_limit_counts_received_bytes(client: httpx.AsyncClient, tokens: TokenFactory) -> None:
    headers = {**tokens.citizen(uuid.uuid4()), "Idempotency-Key": "12345678"}
    big = b'{"amount_mg": 1' + b" " * BODY_LIMIT_BYTES + b"}"

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 1000):
            yield big[start : start + 1000]

    declared = await client.post("/api/v1/sample/things", content=big, headers=headers)
    is_problem(declared, 413, "PAYLOAD_TOO_LARGE")
    chunked = await client.post("/api/v1/sample/things", content=chunks(), headers=headers)
    is_problem(chunked, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "MALFORMED_BODY"),
        (b"[" * 5000, 400, "MALFORMED_BODY"),
        (b'{"amount_mg": 0}', 422, "INVALID_REQUEST"),
        (b'{"amount_mg": "x"}', 422, "INVALID_REQUEST"),
        (b'{"amount_mg": NaN}', 422, "INVALID_REQUEST"),
        (b'{"amount_mg": 1e400}', 422, "INVALID_REQUEST"),
    ],
)
async def test_malformed_and_invalid_bodies_have_different_codes(
    client: httpx.AsyncClient, tokens: TokenFactory, body: bytes, status: int, code: str
) -> None:
    headers = {
        **tokens.citizen(uuid.uuid4()),
        "Idempotency-Key": "12345678",
        "Content-Type": "application/json",
    }
    is_problem(await client.post("/api/v1/sample/things", content=body, headers=headers), status, code)


async def test_only_valid_access_tokens_are_accepted(client: httpx.AsyncClient, tokens: TokenFactory) -> None:
    path, user = "/api/v1/sample/ops", uuid.uuid4()
    past, future = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    scope = "ops:read"
    for token in (
        "",
        "nonsense",
        tokens.unsigned(user),
        tokens.access(user, scope, iss="someone-else"),
        tokens.access(user, scope, aud=["another"]),
        tokens.access(user, scope, exp=past),
        tokens.access(user, scope, nbf=future),
        tokens.access(user, scope, jti=None),
        tokens.access(user, scope, header={"typ": "JWT"}),
        tokens.access(user, scope, header={"kid": "unknown"}),
        service_token("accounts", "sample"),
    ):
        answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
        is_problem(answer, 401, "UNAUTHENTICATED")
    assert (await client.get(path, headers=tokens.operator())).json() == {"ok": True}
    is_problem(await client.get(path, headers=tokens.citizen(user)), 403, "FORBIDDEN")


async def test_a_service_token_is_accepted_by_its_audience_only(client: httpx.AsyncClient) -> None:
    good = service_token("rewards", "sample")
    answer = await client.get("/api/v1/sample/service", headers={"Authorization": f"Bearer {good}"})
    assert answer.json() == {"caller": "rewards"}
    other = service_token("rewards", "accounting")
    is_problem(
        await client.get("/api/v1/sample/service", headers={"Authorization": f"Bearer {other}"}), 401, "UNAUTHENTICATED"
    )


async def test_a_write_repeated_with_its_key_takes_effect_once(
    client: httpx.AsyncClient, tokens: TokenFactory, database: Database
) -> None:
    path, citizen = "/api/v1/sample/things", tokens.citizen(uuid.uuid4())

    async def send(key: str | None, amount_mg: int = 5, headers: dict[str, str] | None = None) -> httpx.Response:
        extra = {"Idempotency-Key": key} if key else {}
        return await client.post(path, json={"amount_mg": amount_mg}, headers={**(headers or citizen), **extra})

    is_problem(await send(None), 400, "IDEMPOTENCY_KEY_MISSING")
    is_problem(await send("short"), 400, "IDEMPOTENCY_KEY_MISSING")
    answers = await asyncio.gather(*(send("same-key-1") for _ in range(9)))
    assert {answer.status_code for answer in answers} == {201}
    is_problem(await send("same-key-1", 6), 422, "IDEMPOTENCY_KEY_REUSED")
    assert (await send("same-key-1", headers=tokens.citizen(uuid.uuid4()))).status_code == 201
    async with database.transaction() as session:
        assert await session.scalar(text(f"SELECT count(*) FROM {SCHEMA}.seen")) == 2


async def test_a_failed_commit_is_never_answered_with_success(
    client: httpx.AsyncClient, tokens: TokenFactory, database: Database
) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                f"CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON {SCHEMA}.seen"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            )
        )
    try:
        headers = {**tokens.citizen(uuid.uuid4()), "Idempotency-Key": "12345678"}
        answer = await client.post("/api/v1/sample/things", json={"amount_mg": 1}, headers=headers)
        assert answer.status_code >= 500
    finally:
        async with database.transaction() as session:
            await session.execute(text(f"DROP TRIGGER refuse_at_commit ON {SCHEMA}.seen"))


async def test_b4_no_service_serves_the_documentation_pages(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/scalar.js", "/docs/topics"):
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("route", ["statement", "raw-statement"])
@pytest.mark.parametrize(
    ("sql", "status"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", 503),  # the server ends our session
        ("DO $$ BEGIN RAISE SQLSTATE '57014'; END $$", 503),  # longer than a statement may take
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", 503),  # the disk is full
        ("DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$", 503),  # another transaction holds the lock
        ("DO $$ BEGIN RAISE SQLSTATE '22003'; END $$", 500),  # a number of ours that does not fit: our fault
        ("SELECT nothing FROM nowhere", 500),
    ],
)
async def test_an_unavailable_database_is_a_503_and_a_faulty_statement_a_500(
    client: httpx.AsyncClient, route: str, sql: str, status: int
) -> None:
    answer = await client.get(f"/api/v1/sample/{route}", params={"sql": sql})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in answer.headers) == (status == 503)
    assert (await client.get("/api/v1/sample/statement", params={"sql": "SELECT 1"})).status_code == 200
