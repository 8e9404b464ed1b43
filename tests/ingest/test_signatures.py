"""Every kind of invalid signature has its own code, and no body is parsed before its signature is verified."""

import base64
import json
import secrets
from typing import Any

import asyncpg
import httpx
import pytest

from shared import clock
from shared.auth import cp1
from tests.databases import Dsns
from tests.ingest.conftest import RunApp
from tests.ingest.samples import BATCH, EVENTS, PartnerClient, event, secret_of
from tests.tokens import service_token

BODY = json.dumps([event("sig-1")]).encode()
VERIFY = "/internal/ingest/verify-signature"


def code_of(answer: httpx.Response, status: int = 401) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


def now_s() -> int:
    return int(clock.now().timestamp())


async def test_a_valid_signature_is_accepted(bike: PartnerClient) -> None:
    answer = await bike.post(BODY)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": secret_of("ak-metro")},
        {"signed": BODY + b" "},
        {"signed": BODY.replace(b"2360", b"2361")},
        {"signed": b""},
        {"method": "PUT"},
        {"target": EVENTS + "/"},
        {"target": EVENTS + "?dry_run=true"},
        {"target": "/api/v1/ingest/imports"},
    ],
    ids=["key", "appended", "one byte", "no body", "method", "path", "query", "other path"],
)
async def test_a_request_that_differs_from_the_signed_one_is_refused(
    bike: PartnerClient, wrong: dict[str, Any]
) -> None:
    headers = {"Content-Type": BATCH, **_authorization(bike, wrong)}
    answer = await bike.http.post(EVENTS, content=BODY, headers=headers)
    assert code_of(answer) == "SIGNATURE_INVALID"


def _authorization(partner: PartnerClient, wrong: dict[str, Any]) -> dict[str, str]:
    parts = {
        "app_key": partner.app_key,
        "secret": secret_of(partner.app_key),
        "method": "POST",
        "target": EVENTS,
        "timestamp": now_s(),
        "nonce": secrets.token_hex(16),
        "body": wrong.pop("signed", BODY),
        **wrong,
    }
    return {"Authorization": cp1.authorization(**parts)}


async def test_the_query_is_verified_as_sent(bike: PartnerClient) -> None:
    for target in (f"{EVENTS}?dry_run=true&x=%E6%AD%A6", f"{EVENTS}?x=a+b&dry_run=true"):
        answer = await bike.post(BODY, target=target)
        assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(("offset_s", "accepted"), [(-297, True), (297, True), (-303, False), (303, False)])
async def test_timestamps_may_differ_by_five_minutes_both_ways(
    bike: PartnerClient, offset_s: int, accepted: bool
) -> None:
    answer = await bike.post(BODY, timestamp=now_s() + offset_s)
    if accepted:
        assert answer.status_code == 202
    else:
        assert code_of(answer) == "TIMESTAMP_OUT_OF_WINDOW"
        assert answer.json()["detail"]


async def test_each_problem_of_the_header_has_its_code(bike: PartnerClient) -> None:
    async def with_header(value: str | None) -> str:
        headers = {"Content-Type": BATCH} | ({"Authorization": value} if value is not None else {})
        return code_of(await bike.http.post(EVENTS, content=BODY, headers=headers))

    good = _authorization(bike, {})["Authorization"]
    assert await with_header(None) == "SIGNATURE_MISSING"
    assert await with_header("Bearer abc") == "SIGNATURE_MALFORMED"
    assert await with_header(good.replace("nonce", "nonsense")) == "SIGNATURE_MALFORMED"
    assert await with_header(good.replace("ak-bike", "ak-nobody")) == "UNKNOWN_APP_KEY"
    assert await with_header(good.replace("CP1-HMAC-SHA256", "CP1-ED25519")) == "SIGNATURE_ALGORITHM_MISMATCH"


@pytest.mark.parametrize(
    ("app_key", "code"),
    [("ak-later", "KEY_NOT_YET_VALID"), ("ak-ended", "KEY_EXPIRED"), ("ak-none", "UNKNOWN_APP_KEY")],
)
async def test_a_key_is_refused_outside_its_interval(api: httpx.AsyncClient, app_key: str, code: str) -> None:
    assert code_of(await PartnerClient(api, app_key).post(BODY)) == code


async def test_a_revoked_key_is_refused_within_seconds(api: httpx.AsyncClient, ingest_dsns: Dsns, settle: Any) -> None:
    partner = PartnerClient(api, "ak-revoked")
    body = json.dumps([event("x", partner="revoked")]).encode()
    assert (await partner.post(body)).status_code == 202
    connection = await asyncpg.connect(ingest_dsns.admin)
    try:
        await connection.execute("UPDATE ingest.partner_key SET revoked_at = now() WHERE app_key = 'ak-revoked'")
    finally:
        await connection.close()

    async def refused() -> bool:
        answer = await partner.post(body)
        return answer.status_code == 401 and answer.json()["code"] == "KEY_REVOKED"

    await settle(refused)


async def test_a_replayed_request_is_refused(bike: PartnerClient) -> None:
    headers = {"Content-Type": BATCH, **_authorization(bike, {})}
    first = await bike.http.post(EVENTS, content=BODY, headers=headers)
    again = await bike.http.post(EVENTS, content=BODY, headers=headers)
    assert first.status_code == 202
    assert code_of(again, 409) == "SIGNATURE_REPLAYED"


async def test_an_invalid_signature_does_not_use_up_the_nonce(bike: PartnerClient) -> None:
    nonce = secrets.token_hex(16)
    assert code_of(await bike.post(BODY, nonce=nonce, secret="wrong-secret-wrong-secret")) == "SIGNATURE_INVALID"
    assert (await bike.post(BODY, nonce=nonce)).status_code == 202


async def test_the_body_is_not_parsed_before_the_signature_is_verified(bike: PartnerClient) -> None:
    assert code_of(await bike.post(b"{not json", secret="wrong-secret-wrong-secret")) == "SIGNATURE_INVALID"


async def test_refusals_are_in_the_language_of_the_request(bike: PartnerClient) -> None:
    chinese = await bike.http.post(EVENTS, content=BODY, headers={"Content-Type": BATCH})
    english = await bike.http.post(EVENTS, content=BODY, headers={"Content-Type": BATCH, "Accept-Language": "en"})
    assert chinese.json()["title"] == "缺少签名"
    assert english.json()["title"] == "The request is not signed"


# --- for other services ---------------------------------------------------------------------------------------------


def service_headers(audience: str = "ingest") -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token('accounts', audience)}"}


def forwarded(
    partner: PartnerClient, *, target: str = "/api/v1/accounts/partner/bindings?a=1", **wrong: Any
) -> dict[str, str]:
    body = b'{"token":"t"}'
    header = _authorization(partner, {"target": target, "signed": body, **wrong})
    return {
        "method": "POST",
        "target": target,
        "authorization": header["Authorization"],
        "body_base64": base64.b64encode(body).decode(),
    }


async def test_other_services_can_verify_signatures(bike: PartnerClient) -> None:
    request = forwarded(bike)
    for _ in range(2):  # the calling service checks the nonce, not this route
        answer = await bike.http.post(VERIFY, json=request, headers=service_headers())
        assert answer.status_code == 200, answer.text
        assert answer.json()["partner_id"] == "bike"
        assert f'nonce="{answer.json()["nonce"]}"' in request["authorization"]
        assert f'timestamp="{answer.json()["timestamp"]}"' in request["authorization"]


async def test_other_services_get_the_code_of_an_invalid_signature(bike: PartnerClient) -> None:
    async def verify(request: dict[str, str]) -> httpx.Response:
        headers = {"Content-Type": "application/json", **service_headers()}
        return await bike.http.post(VERIFY, content=json.dumps(request), headers=headers)

    assert code_of(await verify(forwarded(bike, secret=secret_of("ak-metro")))) == "SIGNATURE_INVALID"
    assert code_of(await verify(forwarded(bike) | {"body_base64": "e30="})) == "SIGNATURE_INVALID"
    assert code_of(await verify(forwarded(bike, timestamp=now_s() - 400))) == "TIMESTAMP_OUT_OF_WINDOW"
    assert code_of(await verify(forwarded(bike) | {"body_base64": "%%"}), 422) == "INVALID_REQUEST"
    assert code_of(await verify(forwarded(bike) | {"target": "\ud800"}), 422) == "INVALID_REQUEST"


async def test_internal_routes_need_a_service_token_for_ingest(bike: PartnerClient) -> None:
    for headers in ({}, service_headers("accounting")):
        assert code_of(await bike.http.post(VERIFY, json=forwarded(bike), headers=headers)) == "UNAUTHENTICATED"
        assert code_of(await bike.http.get("/internal/ingest/partners", headers=headers)) == "UNAUTHENTICATED"


async def test_before_the_registry_is_loaded_an_unknown_key_gets_503(seeded: Any, run_app: RunApp) -> None:
    away = seeded.model_copy(update={"database_url": "postgresql://ingest:x@127.0.0.1:1/none"})
    async with run_app(away) as client:
        answer = await PartnerClient(client, "ak-bike").post(BODY)
        assert code_of(answer, 503) == "PARTNERS_UNKNOWN"
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"] == {"database": "unavailable", "log": "ok", "partners": "unavailable"}
