"""A frozen account is told so by the profile and by the operators' look-up (C9)."""

import dataclasses
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import jwt
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from services.accounts.freezes.client import FreezeReader
from tests.accounts.conftest import BASE, People, Person
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, TokenFactory

SINCE = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class FakeAccounting:
    """Accounting's answer about accounts, for callers with the key of accounts."""

    def __init__(self) -> None:
        self.frozen: set[uuid.UUID] = set()
        self.fault: int | str | None = None
        self.reason: str | None = None
        self.app = FastAPI()
        self.app.get("/internal/accounting/accounts/{account_id}")(self._state)

    async def _state(self, account_id: uuid.UUID, request: Request) -> JSONResponse:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SERVICE_CALLERS["accounts"], algorithms=["EdDSA"], audience="accounting")
        assert claims["iss"] == "accounts"
        if isinstance(self.fault, int):
            return JSONResponse({"code": "UNAVAILABLE"}, status_code=self.fault)
        if self.fault:
            return JSONResponse({"answer": self.fault})
        since = SINCE.isoformat() if account_id in self.frozen else None
        return JSONResponse({"account_id": str(account_id), "frozen_since": since, "frozen_reason": self.reason})


@pytest.fixture
async def anna(people: People) -> Person:
    return await people.new()


@pytest.fixture
async def accounting(app: FastAPI) -> AsyncIterator[FakeAccounting]:
    fake = FakeAccounting()
    resources = app.state.resources
    reader = FreezeReader(
        base_url="http://accounting.test",
        service_key=SecretStr(SERVICE_KEYS["accounts"]),
        transport=httpx.ASGITransport(fake.app),
    )
    app.state.resources = dataclasses.replace(resources, freezes=reader)
    yield fake
    app.state.resources = resources
    await reader.stop()


async def test_c9_a_frozen_account_is_told_so_by_the_profile(anna: Person, accounting: FakeAccounting) -> None:
    body = (await anna.call("GET", "/me")).json()
    assert (body["frozen"], body["notice"]) == (False, None)
    accounting.frozen.add(uuid.UUID(anna.account["account_id"]))
    body = (await anna.call("GET", "/me")).json()
    assert body["frozen"] is True
    assert body["notice"].startswith("您的碳账户已冻结")
    assert "请联系政务服务便民热线 12345" in body["notice"]


async def test_c9_operators_see_the_freeze_and_its_time(
    anna: Person, accounting: FakeAccounting, client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    path = f"{BASE}/ops/accounts/{anna.account['account_no']}?reason=call-1204"
    seen = (await client.get(path, headers=tokens.operator())).json()
    assert (seen["frozen"], seen["frozen_since"]) == (False, None)
    accounting.frozen.add(uuid.UUID(anna.account["account_id"]))
    seen = (await client.get(path, headers=tokens.operator())).json()
    assert seen["frozen"] is True
    assert datetime.fromisoformat(seen["frozen_since"]) == SINCE


@pytest.mark.parametrize("fault", [401, 403, 500, 503, "nonsense"])
async def test_c9_the_profile_is_shown_while_accounting_does_not_answer(
    anna: Person, accounting: FakeAccounting, fault: int | str
) -> None:
    accounting.fault = fault
    answer = await anna.call("GET", "/me")
    assert (answer.status_code, answer.json()["frozen"], answer.json()["notice"]) == (200, None, None)
