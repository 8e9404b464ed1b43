"""Operators look people up one by one: with a reason, within a limit, and seen by an alarm."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from services.accounts.carbon_accounts import domain
from services.accounts.operators.service import LOOK_UPS_PER_HOUR, measure_look_ups
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.accounts.operators import OPS, bearer, make_local
from tests.tokens import TokenFactory

pytestmark = pytest.mark.usefixtures("early_in_a_step")

WHY = {"reason": "工单 2026-1123"}


def unknown(number: int) -> str:
    return f"{BASE}/ops/accounts/{domain.compose_account_no('WH', number)}"


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.parametrize("reason", [None, "", "   ", "ok", "a" * 201, "no\x00thing", "    ok   "])
async def test_b18_a_look_up_needs_a_reason(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory, db: Db, reason: str | None
) -> None:
    anna = await people.new()
    path = f"{BASE}/ops/accounts/{anna.account['account_no']}"
    params: dict[str, Any] = {} if reason is None else {"reason": reason}
    answer = await client.get(path, params=params, headers=tokens.operator("ops:read"))
    assert code_of(answer) == (422, "INVALID_REQUEST")
    assert answer.json()["errors"][0]["field"] == "query.reason"
    assert anna.account["account_id"] not in answer.text
    assert await db.fetchval("SELECT count(*) FROM accounts.operator_action") == 0


async def test_b18_look_ups_of_one_operator_are_limited_also_at_once_and_for_numbers_nobody_has(
    client: httpx.AsyncClient, tokens: TokenFactory, db: Db
) -> None:
    headers = tokens.operator("ops:read")
    refused_before = metric("carbon_operator_look_ups_total", outcome="refused")
    answers = await asyncio.gather(
        *(client.get(unknown(number), params=WHY, headers=headers) for number in range(LOOK_UPS_PER_HOUR + 15))
    )
    codes = [code_of(answer) for answer in answers]
    assert codes.count((404, "ACCOUNT_NOT_FOUND")) == LOOK_UPS_PER_HOUR
    assert codes.count((429, "TOO_MANY_LOOK_UPS")) == 15
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    # Another operator goes on working.
    other = await client.get(unknown(1), params=WHY, headers=tokens.operator("ops:read", subject="operator-2"))
    assert other.status_code == 404
    assert metric("carbon_operator_look_ups_total", outcome="refused") - refused_before == 15
    rows = await db.fetch("SELECT action, count(*) AS n FROM accounts.operator_action GROUP BY 1 ORDER BY 1")
    # Refusals are recorded, ten an hour at most: who is refused must not fill the disk.
    assert [tuple(row) for row in rows] == [("account.look_up", 31), ("account.look_up_refused", 10)]


async def test_b18_numbers_with_a_wrong_check_digit_count_as_well(
    client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    headers = tokens.operator("ops:read")
    path = unknown(1)
    slip = path[:-1] + str((int(path[-1]) + 1) % 10)
    codes = [code_of(await client.get(slip, params=WHY, headers=headers))[1] for _ in range(LOOK_UPS_PER_HOUR + 1)]
    assert codes == ["ACCOUNT_NO_INVALID"] * LOOK_UPS_PER_HOUR + ["TOO_MANY_LOOK_UPS"]


async def test_b18_a_new_session_of_the_same_person_has_no_new_limit(app: FastAPI, client: httpx.AsyncClient) -> None:
    """The limit is the person's, not the token's."""
    anna = await make_local(app)
    for steps in (-1, 0):
        headers = bearer(await client.post(f"{OPS}/sessions", json=anna.body(steps=steps)))
        for number in range(LOOK_UPS_PER_HOUR // 2):
            assert (await client.get(unknown(number), params=WHY, headers=headers)).status_code == 404
    third = bearer(await client.post(f"{OPS}/sessions", json=anna.body(steps=1)))
    assert code_of(await client.get(unknown(1), params=WHY, headers=third)) == (429, "TOO_MANY_LOOK_UPS")


async def test_b18_no_role_is_free_of_the_limit(app: FastAPI, client: httpx.AsyncClient) -> None:
    """OpenTranscribe 904: what every user may read, every user can walk through."""
    for name, role in (("reader", "reader"), ("lead", "programme-lead")):
        operator = await make_local(app, name, [role])
        headers = bearer(await client.post(f"{OPS}/sessions", json=operator.body()))
        codes = {
            code_of(await client.get(unknown(number), params=WHY, headers=headers))
            for number in range(LOOK_UPS_PER_HOUR + 1)
        }
        assert codes == {(404, "ACCOUNT_NOT_FOUND"), (429, "TOO_MANY_LOOK_UPS")}


async def test_b18_the_audit_log_is_for_operators_only(client: httpx.AsyncClient, people: People) -> None:
    """GHOST-osint-crm 22: an audit log that anybody can read tells who was looked up."""
    anna = await people.new()
    assert code_of(await client.get(f"{OPS}/audit")) == (401, "UNAUTHENTICATED")
    assert code_of(await client.get(f"{OPS}/audit", headers=anna.headers)) == (403, "FORBIDDEN")


async def test_b18_the_alarm_sees_the_busiest_operator(
    app: FastAPI, client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    for subject, number_of in (("operator-1", 7), ("operator-2", 3)):
        for number in range(number_of):
            headers = tokens.operator("ops:read", subject=subject)
            await client.get(unknown(number), params=WHY, headers=headers)
    async with app.state.db.transaction() as session:
        await measure_look_ups(session)
    assert metric("carbon_operator_look_ups_most") == 7


async def test_b18_a_revoked_operator_looks_nobody_up(app: FastAPI, client: httpx.AsyncClient, people: People) -> None:
    citizen, anna = await people.new(), await make_local(app)
    headers = bearer(await client.post(f"{OPS}/sessions", json=anna.body()))
    path = f"{BASE}/ops/accounts/{citizen.account['account_no']}"
    assert (await client.get(path, params=WHY, headers=headers)).status_code == 200
    await client.delete(f"{OPS}/sessions/current", headers=headers)
    assert code_of(await client.get(path, params=WHY, headers=headers)) == (401, "OPERATOR_SESSION_ENDED")
